"use strict";

// Ratings of shuffled videos, without names. The first half knows no page, so that it can be tested without a browser.

const LABELS = ["", "bad", "poor", "fair", "good", "excellent"];
const COLUMNS = ["rater", "place", "item", "rating"];

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

// What is kept between two visits of a rater, and a session of it; null where it is of other videos, or is none.
function save(session) {
  return JSON.stringify({ order: session.items.map(({ item }) => item), ratings: session.ratings });
}

function resume(items, rater, saved) {
  const { order, ratings } = JSON.parse(saved) ?? {};
  const found = Array.isArray(order) ? order.map((name) => items.find(({ item }) => item === name)) : [];
  const isWhole = found.every(Boolean) && new Set(found).size === items.length && found.length === items.length;
  const isRated = Array.isArray(ratings) && ratings.length <= items.length
    && ratings.every((rating) => [1, 2, 3, 4, 5].includes(rating));
  return isWhole && isRated ? { rater: rater.trim(), items: found, ratings, place: ratings.length, seen: false } : null;
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
  const rows = session.ratings.map((rating, place) => [session.rater, place + 1, session.items[place].item, rating]);
  return [COLUMNS, ...rows].map((row) => `${row.map(quote).join(",")}\r\n`).join("");
}

// What is read back may be of an older page, or be missing: some browsers keep nothing for pages from files.
function start(page, random, storage) {
  const find = (id) => page.getElementById(id);
  const items = JSON.parse(find("items").textContent);
  const place = `lipsync-ratings ${items.map(({ item }) => item).join(" ")}`;
  let session = null;

  function keep(name, text) {
    try {
      storage.setItem(`${place} ${name}`, text);
    } catch {
      // they are in the page until it is closed
    }
  }

  function recall(name) {
    try {
      return storage.getItem(`${place} ${name}`);
    } catch {
      return null;
    }
  }

  function begin(rater) {
    try {
      return resume(items, rater, recall(`by ${rater.trim()}`)) ?? makeSession(items, rater, random);
    } catch {
      return makeSession(items, rater, random);
    }
  }

  function show() {
    find("rating").hidden = isDone(session);
    find("end").hidden = !isDone(session);
    if (isDone(session)) {
      const csv = writeCsv(session);
      find("csv").value = csv;
      find("save").href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv)}`;
      find("save").download = `ratings-${session.rater.replace(/[^\p{L}\p{N}_-]+/gu, "_")}.csv`;
      find("save").focus();
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
      keep(`by ${session.rater}`, save(session));
      show();
    }
  }

  find("begin").addEventListener("submit", (event) => {
    event.preventDefault();
    session = begin(find("rater").value);
    keep("last", session.rater);
    keep(`by ${session.rater}`, save(session));
    find("begin").hidden = true;
    show();
  });
  find("video").addEventListener("ended", () => {
    session.seen = true;
    update();
  });
  find("video").addEventListener("error", () => {
    find("count").textContent += ": this browser cannot play it; open the page in another one";
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
  find("rater").value = recall("last") ?? "";
}

function findStorage() {
  try {
    return window.localStorage;
  } catch {
    return null; // where cookies are refused
  }
}

if (typeof document !== "undefined") {
  start(document, Math.random, findStorage());
}
