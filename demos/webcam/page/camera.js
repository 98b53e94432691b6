// The browser's camera, and frames of it as picture files.

// The network sees 256 pixels; more than this would only cost time.
const LONGEST_SIDE = 640;
const QUALITY = 0.85;

const REASONS = {
  NotAllowedError: 'The browser does not allow this page to use the camera. Allow it beside the address, then start '
    + 'the camera again. Photos work without it.',
  NotFoundError: 'No camera was found. Plug one in and start it again, or choose a photo.',
};

/** Why there is no camera, in words for the user. */
export function cameraProblem(error) {
  return REASONS[error.name] || `The camera does not work (${error.message || error.name}). Photos work without it.`;
}

export class Camera {
  /**
   * @param {HTMLVideoElement} video shows the picture.
   * @param {function(): void} frame called for each frame.
   * @param {function(): void} ended called when the camera goes by itself.
   */
  constructor(video, frame, ended) {
    this.video = video;
    this.frame = frame;
    this.ended = ended;
    this.canvas = document.createElement('canvas');
  }

  get running() {
    return Boolean(this.stream);
  }

  /** Start a camera, any or a certain one; an error is for cameraProblem(). */
  async start(deviceId) {
    this.stop();
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error('browsers give it only to pages of this computer, http://127.0.0.1 or http://localhost');
    }
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
    const choice = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: 'user' };
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...choice }, audio: false });
    this.stop();
    this.stream = stream;
    const [track] = stream.getVideoTracks();
    track.addEventListener('ended', () => {
      if (this.stream === stream) {
        this.stop();
        this.ended();
      }
    });
    this.video.srcObject = stream;
    await this.video.play();
    this.next(stream);
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }

  next(stream) {
    this.video.requestVideoFrameCallback(() => {
      if (this.stream === stream) {
        this.frame();
        this.next(stream);
      }
    });
  }

  /** The cameras that there are, as {id, name}; names are known once one was allowed. */
  async devices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    return all.filter((one) => one.kind === 'videoinput')
      .map((one, i) => ({ id: one.deviceId, name: one.label || `Camera ${i + 1}` }));
  }

  get device() {
    return this.stream?.getVideoTracks()[0].getSettings().deviceId;
  }

  /** The picture as it is now, as a JPEG file; null if there is none yet. */
  async capture() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width || !height) {
      return null;
    }
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.canvas.getContext('2d').drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    return new Promise((done) => {
      this.canvas.toBlob(done, 'image/jpeg', QUALITY);
    });
  }
}
