// Skeletons and heatmaps.

// From black over violet and orange to light yellow.
const COLOURS = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];

/** A heatmap of the server as a small canvas; what is nothing is transparent. */
function heatmapCanvas(map) {
  const values = atob(map.values);
  const canvas = document.createElement('canvas');
  canvas.width = map.columns;
  canvas.height = map.rows;
  const image = new ImageData(map.columns, map.rows);
  for (let i = 0; i < values.length; i += 1) {
    const value = values.charCodeAt(i) / 255;
    const place = value * (COLOURS.length - 1);
    const below = Math.min(Math.floor(place), COLOURS.length - 2);
    for (let c = 0; c < 3; c += 1) {
      image.data[4 * i + c] = COLOURS[below][c] + (place - below) * (COLOURS[below + 1][c] - COLOURS[below][c]);
    }
    image.data[4 * i + 3] = 255 * Math.min(0.85, 1.3 * value);
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}

function drawPerson(context, person, limbs, threshold, width) {
  const shown = limbs.map(([a, b, colour]) => [person.joints[a], person.joints[b], colour])
    .filter(([a, b]) => Math.min(a.score, b.score) >= threshold);
  const stroke = (limb, colour, lineWidth) => {
    context.strokeStyle = colour;
    context.lineWidth = limb[0] === limb[1] ? 2 * lineWidth : lineWidth;
    context.beginPath();
    // A joint without a limb is one to itself: a dot, which the round ends make.
    context.moveTo(limb[0].x, limb[0].y);
    context.lineTo(limb[1].x, limb[1].y);
    context.stroke();
  };
  context.lineCap = 'round';
  // A dark edge under all limbs: blue is not seen on black, nor white on a white shirt.
  shown.forEach((limb) => stroke(limb, 'rgba(0, 0, 0, 0.55)', 1.6 * width));
  shown.forEach((limb) => stroke(limb, limb[2], width));
}

/**
 * Draw what the server answered over a picture.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale pixels of the canvas for a pixel of the picture.
 * @param {object} answer
 * @param {{limbs: Array, threshold: number, frame: boolean}} how limbs as (joint, joint, colour); those with a joint
 *   that scores less than the threshold are left out; frame: show where the network looked.
 */
export function drawAnswer(context, scale, answer, how) {
  const width = Math.max(2 / scale, Math.max(answer.width, answer.height) / 100);
  context.save();
  context.scale(scale, scale);
  for (const map of answer.heatmaps || []) {
    const { x0, y0, x1, y1 } = map.box;
    context.drawImage(heatmapCanvas(map), x0, y0, x1 - x0, y1 - y0);
  }
  for (const person of answer.people) {
    if (how.frame) {
      const { x0, y0, x1, y1 } = person.seen;
      context.strokeStyle = 'rgba(255, 255, 255, 0.8)';
      context.lineWidth = width / 4;
      context.setLineDash([width, width]);
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
      context.setLineDash([]);
    }
    drawPerson(context, person, how.limbs, how.threshold, width);
  }
  context.restore();
}
