// A photo says what a sound says, in a browser. Two networks that `lipsync export` has written do the work.
const FPS = 25, SIZE = 96, SAMPLE_RATE = 16000, STEP = 320, DIM = 384, WINDOW = 21;
const CHUNK = 400, CONTEXT = 50, PADDING = 25, BLEND = 10; // feature frames, 50 a second: see speech_features.py
const SCALE = 1.25, SHIFT_Y = 0.08; // of the crop rule, in `lipsync info` of the weights

async function encode(ort, encoder, samples) {
  const given = { samples: new ort.Tensor("float32", samples, [1, samples.length]),
                  gain_db: new ort.Tensor("float32", [0], [1]) };
  return (await encoder.run(given)).features.data;
}

// Features [T * DIM] of the whole sound: chunks of 8 s, each with a second beside it, blended into the next.
async function hear(ort, encoder, samples) {
  const whole = (Math.floor(samples.length / (STEP / 2)) + 2) >> 1, features = new Float32Array(whole * DIM);
  for (let start = 0, next = null; start < whole; start += CHUNK) {
    const first = Math.max(start - CONTEXT, -PADDING), last = Math.min(start + CHUNK + CONTEXT, whole + PADDING);
    const piece = new Float32Array((last - first) * STEP), end = Math.min(start + CHUNK, whole);
    piece.set(samples.subarray(Math.max(0, first * STEP), last * STEP), Math.max(0, -first * STEP));
    const found = await encode(ort, encoder, piece), row = n => (n - first) * DIM;
    features.set(found.subarray(row(start), row(end)), start * DIM);
    for (let k = 0; next && k < Math.min(next.length, (end - start) * DIM); k++) {
      const share = (Math.floor(k / DIM) + 1) / (BLEND + 1);
      features[start * DIM + k] = next[k] * (1 - share) + features[start * DIM + k] * share;
    }
    next = found.slice(row(end), row(end + BLEND));
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
  const found = await encode(ort, encoder, new Float32Array(2 * SAMPLE_RATE)), mean = new Float32Array(DIM);
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

// The generator's pictures of a crop of the photo, as RGBA [SIZE * SIZE * 4] each.
async function drawFrames(ort, { encoder, generator }, photo, crop, samples, say) {
  const features = await hear(ort, encoder, samples), silence = await hearSilence(ort, encoder), frames = [];
  const pen = new OffscreenCanvas(SIZE, SIZE).getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(photo, crop.x, crop.y, crop.side, crop.side, 0, 0, SIZE, SIZE);
  const face = toTensor(ort, pen.getImageData(0, 0, SIZE, SIZE).data);
  const total = Math.ceil(samples.length / SAMPLE_RATE * FPS), begin = performance.now();
  for (let n = 0; n < total; n++) {
    const heard = new ort.Tensor("float32", cutWindow(features, silence, (n + 0.5) / FPS), [1, WINDOW, DIM]);
    frames.push(toPixels((await generator.run({ reference: face, target: face, features: heard })).image.data));
    say(`${n + 1} of ${total} frames, ${(1000 * (n + 1) / (performance.now() - begin)).toFixed(1)} frames/s`);
    await new Promise(resolve => setTimeout(resolve)); // so that the page shows it
  }
  return frames;
}

function start(page, ort) {
  const get = name => page.getElementById(name), screen = get("screen"), view = screen.getContext("2d");
  const say = text => { get("state").textContent = text; };
  const trying = work => async event => work(event).catch(error => say(`That failed: ${error.message}`));
  let photo = null, box = null, corner = null, pictures = null;
  const show = () => {
    if (!photo) return;
    const crop = box && cropOf(box), picture = pictures?.[Math.floor(get("player").currentTime * FPS)];
    view.drawImage(photo, 0, 0);
    if (picture) view.drawImage(picture, crop.x, crop.y, crop.side, crop.side);
    else if (box && !pictures) view.strokeRect(box.x, box.y, box.side, box.side);
    get("speak").disabled = !(box && box.side > 20 && get("sound").files.length);
  };
  const at = event => ({ x: event.offsetX * screen.width / screen.clientWidth,
                         y: event.offsetY * screen.height / screen.clientHeight });
  const forget = () => { get("player").pause(); get("player").hidden = true; pictures = null; };
  get("photo").onchange = trying(async () => {
    forget();
    photo = await createImageBitmap(get("photo").files[0]);
    [screen.width, screen.height, box] = [photo.width, photo.height, null];
    show();
  });
  get("sound").onchange = () => { forget(); show(); };
  screen.onpointerdown = event => { screen.setPointerCapture(event.pointerId); forget(); corner = at(event); };
  screen.onpointermove = event => {
    if (!corner || !photo) return;
    const { x, y } = at(event), side = Math.max(Math.abs(x - corner.x), Math.abs(y - corner.y));
    box = { x: x < corner.x ? corner.x - side : corner.x, y: y < corner.y ? corner.y - side : corner.y, side };
    show();
  };
  screen.onpointerup = screen.onpointercancel = () => { corner = null; };
  get("speak").onclick = trying(async () => {
    say("loading the networks");
    get("speak").disabled = true;
    const [encoder, generator] = await Promise.all(["encoder.onnx", "generator.onnx"].map(
      name => ort.InferenceSession.create(name)));
    const samples = await readSound(get("sound").files[0]), crop = cropOf(box);
    const frames = await drawFrames(ort, { encoder, generator }, photo, crop, samples, say);
    pictures = await Promise.all(frames.map(each => createImageBitmap(new ImageData(each, SIZE, SIZE))));
    get("player").src = URL.createObjectURL(get("sound").files[0]);
    get("player").hidden = false;
    await get("player").play();
  });
  if (!ort) say("ort.wasm.min.js is missing: README.md says where it comes from.");
  const draw = () => {
    if (pictures) show();
    requestAnimationFrame(draw);
  };
  draw();
}

if (typeof module !== "undefined") module.exports = { hear, hearSilence, cutWindow, cropOf, toTensor, toPixels };
