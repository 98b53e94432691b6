// The page: what the controls do, and what is shown.

import { Camera, cameraProblem } from './camera.js';
import { Connection } from './connection.js';
import { drawAnswer } from './drawing.js';
import { save } from './saving.js';

const page = Object.fromEntries([...document.querySelectorAll('[id]')].map((element) => [element.id, element]));

const OVERLAY_SIDE = 1280;
const PHOTO_SIDE = 1920;

let server = null; // what the server offers
let shown = null; // {picture: Blob, answer}: what is drawn
let photo = null; // the photo, while one is shown
let asking = null; // the request for its pose
let capturing = false;
let starting = false;
let answers = []; // when the last ones came
let tableTime = 0;

// ---- What is shown

function showMessage(text) {
  page.message.textContent = text;
  page.message.hidden = !text;
}

function show(what, width = 4, height = 3) {
  page.stage.dataset.shows = what;
  page.stage.style.aspectRatio = `${width} / ${height}`;
  page.stage.classList.toggle('mirrored', what === 'camera' && page.mirror.checked);
}

function drawingStyle() {
  return {
    limbs: server.limbs, heads: server.heads, clearScore: server.clear_score, threshold: Number(page.threshold.value),
    frame: page.mode.value === 'anywhere',
  };
}

function drawShown() {
  const { overlay } = page;
  if (!shown || !server) {
    overlay.width = 1;
    return;
  }
  const { answer } = shown;
  const scale = OVERLAY_SIDE / Math.max(answer.width, answer.height);
  overlay.width = Math.max(1, Math.round(scale * answer.width));
  overlay.height = Math.max(1, Math.round(scale * answer.height));
  const mirrored = page.stage.classList.contains('mirrored');
  drawAnswer(overlay.getContext('2d'), scale, answer, { ...drawingStyle(), mirrored });
}

function fillTable() {
  const rows = shown ? shown.answer.people.flatMap((person, _, all) => person.joints.map((joint) => [
    all.length > 1 ? `${person.number}: ${joint.name}` : joint.name, joint.x.toFixed(0), joint.y.toFixed(0),
    joint.score.toFixed(2)])) : [];
  page.rows.replaceChildren(...rows.map((row) => {
    const line = document.createElement('tr');
    line.append(...row.map((text) => Object.assign(document.createElement('td'), { textContent: text })));
    return line;
  }));
}

function accept(picture, answer) {
  shown = { picture, answer };
  const number = answer.people.length;
  page.overlay.dataset.people = number;
  page.overlay.dataset.answers = Number(page.overlay.dataset.answers) + 1;
  page.overlay.setAttribute('aria-label', ['No person found', 'The pose of one person'][number]
    || `The poses of ${number} people`);
  page.save.disabled = false;
  page.predictor.value = answer.milliseconds.toFixed(0);
  drawShown();
  // Reading numbers that change all the time is no use.
  if (page.joints.open && performance.now() - tableTime > 500) {
    tableTime = performance.now();
    fillTable();
  }
}

function forget() {
  shown = null;
  answers = [];
  page.save.disabled = true;
  page.overlay.dataset.people = 0;
  page.overlay.setAttribute('aria-label', 'No pose yet');
  for (const name of ['fps', 'latency', 'predictor']) {
    page[name].value = '–';
  }
  drawShown();
}

function measure(latency) {
  const now = performance.now();
  answers = [...answers.filter((time) => now - time < 2000), now];
  const [first] = answers;
  if (answers.length > 1) {
    page.fps.value = (1000 * (answers.length - 1) / (now - first)).toFixed(1);
  }
  page.latency.value = latency.toFixed(0);
}

// ---- The server

function fillSelect(select, pairs) {
  const before = select.value;
  select.replaceChildren(...pairs.map(([value, words]) => new Option(words, value)));
  select.value = pairs.some(([value]) => value === before) ? before : pairs[0][0];
}

function settings() {
  return { mode: page.mode.value, heatmap: page.heatmap.value };
}

function sentence(name) {
  return name[0].toUpperCase() + name.slice(1);
}

const connection = new Connection({
  state(state, words) {
    page.connection.dataset.state = state;
    page.connection.textContent = words;
    if (state === 'lost' && page.stage.dataset.shows === 'camera') {
      forget();
    }
  },

  hello(offer) {
    if (!server) {
      page.threshold.value = offer.threshold;
      page['threshold-value'].value = page.threshold.value;
    }
    server = offer;
    fillSelect(page.mode, Object.entries(offer.modes));
    fillSelect(page.heatmap, [['', 'None'], ['all', 'All joints'], ...offer.joints.map((joint) => [joint,
      sentence(joint)])]);
    connection.settings = settings();
    if (photo && !shown) {
      askForPhoto();
    }
  },

  answer(answer, about) {
    if (!camera.running || page.stage.dataset.shows !== 'camera') {
      return;
    }
    if (answer.error) {
      showMessage(`The server could not use a frame: ${answer.error}`);
      return;
    }
    measure(performance.now() - about.time);
    accept(about.picture, answer);
  },
});

// ---- The camera

async function sendFrame() {
  const time = performance.now();
  if (capturing || document.hidden || !connection.ready) {
    return;
  }
  capturing = true;
  try {
    const picture = await camera.capture();
    if (picture && camera.running) { // it may have been stopped meanwhile
      await connection.send(picture, { picture, time });
    }
  } finally {
    capturing = false;
  }
}

function cameraStopped() {
  page.camera.textContent = 'Start camera';
  if (page.stage.dataset.shows === 'camera') {
    show('nothing');
  }
  forget();
}

const camera = new Camera(page.video, sendFrame, () => {
  cameraStopped();
  showMessage('The camera was switched off or unplugged.');
});

async function startCamera(device) {
  if (starting) {
    return;
  }
  starting = true;
  photo = null;
  asking?.abort();
  forget();
  showMessage('');
  try {
    await camera.start(device);
    page.camera.textContent = 'Stop camera';
    show('camera', page.video.videoWidth || 4, page.video.videoHeight || 3);
    const devices = await camera.devices();
    page['device-row'].hidden = devices.length < 2;
    fillSelect(page.device, devices.map((one) => [one.id, one.name]));
    page.device.value = camera.device || page.device.value;
  } catch (error) {
    camera.stop();
    cameraStopped();
    show('nothing');
    showMessage(cameraProblem(error));
  } finally {
    starting = false;
  }
}

// ---- Photos

async function askForPhoto() {
  const file = photo;
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const start = performance.now();
  let answer;
  let retry = false;
  try {
    const response = await fetch(`pose?${new URLSearchParams(settings())}`, { method: 'POST', body: file, signal });
    retry = response.status === 503;
    answer = await response.json();
  } catch (error) {
    if (!signal.aborted) {
      showMessage('The server cannot be reached; the photo is processed when it is back.');
    }
    return;
  }
  if (signal.aborted) {
    return;
  }
  if (answer.error) {
    showMessage(`The photo was not used: ${answer.error}.`);
    if (retry) {
      setTimeout(() => photo === file && !signal.aborted && askForPhoto(), 1000);
    }
    return;
  }
  showMessage('');
  page.latency.value = (performance.now() - start).toFixed(0);
  tableTime = 0;
  accept(file, answer);
}

async function showPhoto(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    showMessage(`${file.name} is not a picture that this browser can show.`);
    return;
  }
  if (server && file.size > server.max_bytes) {
    showMessage(`${file.name} is larger than ${server.max_bytes / 1e6} MB.`);
    return;
  }
  camera.stop();
  cameraStopped();
  showMessage('');
  photo = file;
  const scale = Math.min(1, PHOTO_SIDE / Math.max(bitmap.width, bitmap.height));
  page.photo.width = Math.max(1, Math.round(scale * bitmap.width));
  page.photo.height = Math.max(1, Math.round(scale * bitmap.height));
  page.photo.getContext('2d').drawImage(bitmap, 0, 0, page.photo.width, page.photo.height);
  show('photo', bitmap.width, bitmap.height);
  bitmap.close();
  askForPhoto();
}

// ---- The controls

page.camera.addEventListener('click', () => {
  if (camera.running) {
    camera.stop();
    cameraStopped();
  } else {
    startCamera();
  }
});
// A phone that is turned has another picture.
page.video.addEventListener('resize', () => {
  if (camera.running) {
    show('camera', page.video.videoWidth, page.video.videoHeight);
  }
});
page.device.addEventListener('change', () => startCamera(page.device.value));

for (const select of [page.mode, page.heatmap]) {
  select.addEventListener('change', () => {
    connection.set(settings());
    if (photo) {
      askForPhoto();
    }
  });
}

page.threshold.addEventListener('input', () => {
  page['threshold-value'].value = page.threshold.value;
  drawShown();
});
page.mirror.addEventListener('change', () => {
  page.stage.classList.toggle('mirrored', page.stage.dataset.shows === 'camera' && page.mirror.checked);
  drawShown();
});
page.joints.addEventListener('toggle', fillTable);
page.save.addEventListener('click', async () => {
  try {
    await save(shown.picture, shown.answer, drawingStyle());
  } catch (error) {
    showMessage(`Saving failed: ${error.message}`);
  }
});

page.file.addEventListener('change', () => {
  const [file] = page.file.files;
  if (file) {
    showPhoto(file);
  }
  page.file.value = ''; // so that the same one can be chosen again
});
document.addEventListener('dragover', (event) => {
  event.preventDefault();
  page.stage.classList.add('dropping');
});
for (const end of ['dragleave', 'drop']) {
  document.addEventListener(end, (event) => {
    event.preventDefault();
    page.stage.classList.remove('dropping');
  });
}
document.addEventListener('drop', (event) => {
  const [file] = event.dataTransfer.files;
  if (file) {
    showPhoto(file);
  } else {
    showMessage('Drop a picture file, please.');
  }
});
