// A photo says what a WAV says, in a browser. Two networks that `lipsync export` has written do the work.
const FPS = 25, SIZE = 96, SAMPLE_RATE = 16000, STEP = 320, DIM = 384, WINDOW = 21, MOST = 1500;
const SCALE = 1.25, SHIFT_Y = 0.08; // of the crop rule, in `lipsync info` of the weights

// Features [T * DIM] of the whole sound, in pieces of 30 s.
async function hear(ort, encoder, samples) {
  const whole = Math.max(4, Math.ceil(samples.length / STEP)), features = new Float32Array(whole * DIM);
  for (let first = 0; first < whole; first += MOST) {
    const count = Math.max(4, Math.min(MOST, whole - first)), piece = new Float32Array(count * STEP);
    piece.set(samples.subarray(first * STEP, (first + count) * STEP));
    const given = { samples: new ort.Tensor("float32", piece, [1, piece.length]),
                    gain_db: new ort.Tensor("float32", [0], [1]) };
    const found = (await encoder.run(given)).features.data;
    features.set(found.subarray(0, (whole - first) * DIM), first * DIM);
  }
  return features;
}

// What belongs to the frame shown around a moment: 21 feature frames, interpolated; silence outside of the sound.
function cutWindow(features, silence, seconds) {
  const place = seconds * SAMPLE_RATE / STEP, nearest = Math.floor(place + 1e-6), part = Math.max(0, place - nearest);
  const row = n => n < 0 || n * DIM >= features.length ? silence : features.subarray(n * DIM, (n + 1) * DIM);
  const window = new Float32Array(WINDOW * DIM);
  for (let n = 0; n < WINDOW; n++) {
    const one = row(nearest - (WINDOW >> 1) + n), next = row(nearest - (WINDOW >> 1) + n + 1);
    for (let k = 0; k < DIM; k++) window[n * DIM + k] = one[k] * (1 - part) + next[k] * part;
  }
  return window;
}

// The mean of what the encoder says of two seconds of silence.
async function hearSilence(ort, encoder) {
  const found = await hear(ort, encoder, new Float32Array(2 * SAMPLE_RATE)), mean = new Float32Array(DIM);
  found.forEach((value, n) => { mean[n % DIM] += value * DIM / found.length; });
  return mean;
}

// The square that the generator sees of a face's box.
function cropOf(box) {
  const side = box.side * SCALE;
  return { x: box.x + box.side / 2 - side / 2, y: box.y + box.side / 2 + SHIFT_Y * box.side - side / 2, side };
}

// Pixels RGBA of a crop to a tensor of planes, 0 ... 1, and back; the upper half, and a soft border, stay transparent.
function toTensor(ort, pixels) {
  const planes = new Float32Array(3 * SIZE * SIZE);
  for (let n = 0; n < SIZE * SIZE; n++) for (let c = 0; c < 3; c++) planes[c * SIZE * SIZE + n] = pixels[4 * n + c] / 255;
  return new ort.Tensor("float32", planes, [1, 3, SIZE, SIZE]);
}
function toPixels(planes) {
  const pixels = new Uint8ClampedArray(4 * SIZE * SIZE), soft = 10;
  for (let n = 0; n < SIZE * SIZE; n++) {
    const x = n % SIZE, y = Math.floor(n / SIZE), near = Math.min(x, SIZE - 1 - x, SIZE - 1 - y, y - SIZE / 2);
    for (let c = 0; c < 3; c++) pixels[4 * n + c] = 255 * planes[c * SIZE * SIZE + n];
    pixels[4 * n + 3] = 255 * Math.min(1, Math.max(0, near / soft));
  }
  return pixels;
}

async function readSound(file) {
  const context = new OfflineAudioContext(1, 1, SAMPLE_RATE); // decodes to its own rate
  const sound = await context.decodeAudioData(await file.arrayBuffer()), mean = new Float32Array(sound.length);
  for (let c = 0; c < sound.numberOfChannels; c++)
    sound.getChannelData(c).forEach((value, n) => { mean[n] += value / sound.numberOfChannels; });
  return mean;
}

function start(page, ort) {
  const get = name => page.getElementById(name), screen = get("screen"), view = screen.getContext("2d");
  const say = text => { get("state").textContent = text; };
  let photo = null, box = null, corner = null;
  const show = () => {
    view.drawImage(photo, 0, 0);
    if (box) view.strokeRect(box.x, box.y, box.side, box.side);
    get("speak").disabled = !(box && box.side > 20 && get("sound").files.length);
  };
  const at = event => ({ x: event.offsetX * screen.width / screen.clientWidth,
                         y: event.offsetY * screen.height / screen.clientHeight });
  get("photo").onchange = async () => {
    photo = await createImageBitmap(get("photo").files[0]);
    [screen.width, screen.height, box] = [photo.width, photo.height, null];
    show();
  };
  get("sound").onchange = () => photo && show();
  screen.onmousedown = event => { corner = at(event); };
  screen.onmousemove = event => {
    if (!corner || !photo) return;
    box = { ...corner, side: Math.max(at(event).x - corner.x, at(event).y - corner.y) };
    show();
  };
  screen.onmouseup = () => { corner = null; };
  get("speak").onclick = async () => {
    say("loading the networks");
    const [encoder, generator] = await Promise.all(["encoder.onnx", "generator.onnx"].map(
      name => ort.InferenceSession.create(name)));
    const samples = await readSound(get("sound").files[0]), features = await hear(ort, encoder, samples);
    const silence = await hearSilence(ort, encoder), crop = cropOf(box), small = new OffscreenCanvas(SIZE, SIZE);
    const pen = small.getContext("2d", { willReadFrequently: true }), frames = [];
    pen.drawImage(photo, crop.x, crop.y, crop.side, crop.side, 0, 0, SIZE, SIZE);
    const face = toTensor(ort, pen.getImageData(0, 0, SIZE, SIZE).data);
    const total = Math.ceil(samples.length / SAMPLE_RATE * FPS);
    for (let n = 0; n < total; n++) {
      const heard = new ort.Tensor("float32", cutWindow(features, silence, (n + 0.5) / FPS), [1, WINDOW, DIM]);
      const drawn = await generator.run({ reference: face, target: face, features: heard });
      frames.push(await createImageBitmap(new ImageData(toPixels(drawn.image.data), SIZE, SIZE)));
      say(`${n + 1} of ${total} frames`);
    }
    const player = new Audio(URL.createObjectURL(get("sound").files[0]));
    const draw = () => {
      const frame = frames[Math.floor(player.currentTime * FPS)];
      view.drawImage(photo, 0, 0);
      if (frame) view.drawImage(frame, crop.x, crop.y, crop.side, crop.side);
      if (!player.ended) requestAnimationFrame(draw);
    };
    await player.play();
    draw();
  };
}

if (typeof module !== "undefined") module.exports = { hear, hearSilence, cutWindow, cropOf, toTensor, toPixels };
