// Files for the user.

import { drawAnswer } from './drawing.js';

function offer(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 30000);
}

/** A name for files of now: pose-20250131-235959. */
function nameOfNow() {
  const now = new Date(Date.now() - 60000 * new Date().getTimezoneOffset());
  return `pose-${now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}`;
}

/**
 * Save the picture that was looked at, with what was found drawn in, and the joints in its pixels.
 *
 * @param {Blob} picture the file that the server saw.
 * @param {object} answer what it answered.
 * @param {object} how as for drawAnswer().
 */
export async function save(picture, answer, how) {
  const bitmap = await createImageBitmap(picture);
  const canvas = document.createElement('canvas');
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext('2d');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  drawAnswer(context, canvas.width / answer.width, answer, how);
  const name = nameOfNow();
  const image = await new Promise((done) => {
    canvas.toBlob(done, 'image/jpeg', 0.95);
  });
  const { width, height, people } = answer;
  const text = JSON.stringify({ image: `${name}.jpg`, width, height, people }, null, 2);
  offer(image, `${name}.jpg`);
  offer(new Blob([`${text}\n`], { type: 'application/json' }), `${name}.json`);
}
