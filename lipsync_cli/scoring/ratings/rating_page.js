"use strict";

// Ratings of shuffled videos, without names. The first half knows no page, so that it can be tested without a browser.

const LABELS = ["", "bad", "poor", "fair", "good", "excellent"];
const COLUMNS = ["rater", "place", "condition", "clip", "rating"];

function shuffle(items, random) {
  const shuffled = items.slice();
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other], shuffled[last]];
  }
  return shuffled;
}

function makeSession(items, rater, random) {
  return { rater: rater.trim(), items: shuffle(items, random), ratings: [], place: 0, seen: false };
}

function isDone(session) {
  return session.place >= session.items.length;
}

// A video is rated once it has been seen to its end.
function press(session, key) {
  if (key === "Backspace" && session.place > 0) {
    session.place -= 1;
    session.seen = true;
    return "back";
  }
  if (isDone(session) || !session.seen || !/^[1-5]$/.test(key)) {
    return "";
  }
  session.ratings[session.place] = Number(key);
  session.place += 1;
  session.seen = session.place < session.ratings.length;
  return "next";
}

function quote(value) {
  const text = String(value);
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function writeCsv(session) {
  const rows = session.ratings.map((rating, place) => {
    const { condition, clip } = session.items[place];
    return [session.rater, place + 1, condition, clip, rating];
  });
  return [COLUMNS, ...rows].map((row) => `${row.map(quote).join(",")}\r\n`).join("");
}

function start(page, random) {
  const find = (id) => page.getElementById(id);
  const items = JSON.parse(find("items").textContent);
  let session = null;

  function show() {
    find("rating").hidden = isDone(session);
    find("end").hidden = !isDone(session);
    if (isDone(session)) {
      const csv = writeCsv(session);
      find("csv").value = csv;
      find("save").href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv)}`;
      find("save").download = `ratings-${session.rater.replace(/[^\p{L}\p{N}_-]+/gu, "_")}.csv`;
      return;
    }
    find("count").textContent = `${session.place + 1} of ${session.items.length}`;
    find("video").src = session.items[session.place].source;
    find("video").play().catch(() => {});
    update();
  }

  function update() {
    for (const button of page.querySelectorAll("button[value]")) {
      button.disabled = !session.seen;
      button.setAttribute("aria-pressed", String(session.ratings[session.place] === Number(button.value)));
    }
  }

  function take(key) {
    if (session !== null && press(session, key) !== "") {
      show();
    }
  }

  find("begin").addEventListener("submit", (event) => {
    event.preventDefault();
    session = makeSession(items, find("rater").value, random);
    find("begin").hidden = true;
    show();
  });
  find("video").addEventListener("ended", () => {
    session.seen = true;
    update();
  });
  find("again").addEventListener("click", () => find("video").play());
  for (const button of page.querySelectorAll("button[value]")) {
    button.title = LABELS[Number(button.value)];
    button.addEventListener("click", () => take(button.value));
  }
  page.addEventListener("keydown", (event) => {
    if (session === null || event.target.tagName === "TEXTAREA" || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === " " && !isDone(session)) {
      event.preventDefault();
      find("video").play();
      return;
    }
    take(event.key);
  });
}

if (typeof document !== "undefined") {
  start(document, Math.random);
}
