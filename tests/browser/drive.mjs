// Runs a piece of JavaScript with a page of a real browser, headless and without a network beyond this machine.
//
// Standard input: JSON { code, values, folder, width, height, dark }. `code` is the body of an async function of `page`
// (Puppeteer's), `values` and `origin`, where the files of `folder` are served. Standard output: JSON { result,
// requests, problems }: what the code returns, the addresses beyond this page that were asked for, and what the page
// has complained of.
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const KINDS = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const { code, values, folder, width, height, dark } = JSON.parse(await text(process.stdin));

function serve(folder) {
  const server = createServer((request, response) => {
    const path = join(folder, normalize(decodeURIComponent(new URL(request.url, "http://a").pathname)));
    const file = existsSync(path) && statSync(path).isDirectory() ? join(path, "index.html") : path;
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": KINDS[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  return new Promise(resolve => server.listen(0, "127.0.0.1", () => resolve(server)));
}

const server = folder ? await serve(folder) : null;
const origin = server ? `http://127.0.0.1:${server.address().port}` : "";
const profile = mkdtempSync(join(tmpdir(), "profile-"));
const browser = await puppeteer.launch({
  executablePath: await chromium.executablePath(),
  headless: "shell",
  userDataDir: profile,
  args: ["--no-sandbox", "--mute-audio", "--hide-scrollbars"],
  protocolTimeout: 600_000,
});
const requests = [], problems = [];
try {
  const page = await browser.newPage();
  await page.setViewport({ width, height, deviceScaleFactor: 1, isMobile: width < 600, hasTouch: width < 600 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
  page.on("request", request => {
    if (!/^(data|blob|about):/.test(request.url()) && !request.isNavigationRequest()) requests.push(request.url());
  });
  page.on("pageerror", error => problems.push(String(error)));
  page.on("console", message => ["error", "warn"].includes(message.type()) && problems.push(message.text()));
  const run = Object.getPrototypeOf(async () => {}).constructor("page", "values", "origin", code);
  const result = await run(page, values, origin);
  process.stdout.write(JSON.stringify({ result: result ?? null, requests, problems, origin }));
} finally {
  await browser.close();
  server?.close();
  rmSync(profile, { recursive: true, force: true });
}
