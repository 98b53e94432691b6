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

// As hourglass/draw.py: a dark edge, white dots at the joints, limbs of unsure joints faint.
function drawPerson(context, person, how, number, width) {
  const shown = how.limbs.map(([a, b, colours]) => ({
    ends: [person.joints[a], person.joints[b]],
    colour: colours[number ? 1 + (number - 1) % (colours.length - 1) : 0],
  })).map((limb) => ({ ...limb, score: Math.min(...limb.ends.map((joint) => joint.score)) }))
    .filter((limb) => limb.score >= how.threshold);
  for (const faint of [true, false]) {
    const limbs = shown.filter((limb) => (limb.score < how.clearScore) === faint);
    // Drawn whole and then laid over, so that what crosses is no darker.
    const layer = faint && limbs.length ? new OffscreenCanvas(context.canvas.width, context.canvas.height) : null;
    const target = layer ? layer.getContext('2d') : context;
    if (layer) {
      target.setTransform(context.getTransform());
    }
    target.lineCap = 'round';
    for (const edge of [0.6 * width, 0]) {
      for (const { ends: [a, b], colour } of limbs) {
        target.strokeStyle = edge ? '#141414' : colour;
        target.lineWidth = width + edge;
        target.beginPath();
        target.moveTo(a.x, a.y);
        target.lineTo(b.x, b.y);
        target.stroke();
      }
      for (const { ends, colour } of limbs) {
        for (const joint of ends) {
          target.fillStyle = edge ? '#141414' : ends[0] === ends[1] ? colour : '#ffffff';
          target.beginPath();
          target.arc(joint.x, joint.y, 0.6 * width + edge / 2, 0, 2 * Math.PI);
          target.fill();
        }
      }
    }
    if (layer) {
      context.save();
      context.resetTransform();
      context.globalAlpha = 0.4;
      context.drawImage(layer, 0, 0);
      context.restore();
    }
  }
  const drawn = person.joints.filter((joint) => joint.score >= how.threshold);
  if (number && drawn.length) {
    const head = how.heads.map((i) => person.joints[i]).find((joint) => joint.score >= how.threshold)
      || drawn.reduce((top, joint) => (joint.y < top.y ? joint : top));
    context.font = `bold ${3 * width}px sans-serif`;
    context.textAlign = 'center';
    context.lineJoin = 'round';
    context.lineWidth = width / 2;
    context.strokeStyle = '#141414';
    context.fillStyle = how.limbs[0][2][1 + (number - 1) % (how.limbs[0][2].length - 1)];
    context.save();
    context.translate(head.x, Math.max(3 * width, head.y - 2 * width));
    context.scale(how.mirrored ? -1 : 1, 1); // so that it can be read in the mirror
    context.strokeText(number, 0, 0);
    context.fillText(number, 0, 0);
    context.restore();
  }
}

/**
 * Draw what the server answered over a picture.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale pixels of the canvas for a pixel of the picture.
 * @param {object} answer
 * @param {{limbs: Array, heads: Array, threshold: number, clearScore: number, frame: boolean, mirrored: boolean}}
 *   how limbs as (joint, joint, colours), where a number is written, the score from which a limb is drawn and from
 *   which it is not faint; frame: show where the network looked; mirrored: the canvas is shown in a mirror.
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
    drawPerson(context, person, how, person.number, width);
  }
  context.restore();
}
