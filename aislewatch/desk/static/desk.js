// The live list, the keys and the interval's times. Without it every button and link still works.
"use strict";

const list = document.querySelector(".list");
const keys = document.getElementById("keys");

function rememberKeys() {
  keys.checked = localStorage.getItem("keys") !== "off";
  keys.addEventListener("change", () => localStorage.setItem("keys", keys.checked ? "on" : "off"));
}

function follow() {
  const stream = new EventSource(`/events?after=${list.dataset.newest}`);
  const news = document.getElementById("news");
  const title = document.title;
  let count = 0;
  // A guard who is told of nothing must not take it for a quiet shop.
  stream.addEventListener("error", () => {
    const isOver = stream.readyState === EventSource.CLOSED;
    const next = isOver ? "Load the page again to log in." : "Trying again.";
    news.textContent = `No connection to the desk: new alerts do not appear here. ${next}`;
    news.className = "lost";
  });
  stream.addEventListener("open", () => {
    if (news.className) news.textContent = "Connected again; alerts that came meanwhile appear now.";
    news.className = "";
  });
  stream.addEventListener("alert", (event) => {
    const alert = JSON.parse(event.data);
    if (list.dataset.waits === "yes") {
      location.assign("/");
      return;
    }
    news.textContent = `New alert: ${alert.camera}, ${alert.raised}`;
    count += 1;
    document.title = `(${count}) ${title}`;  // also seen while another page is in front
    if (list.dataset.kind !== "alert") return;
    const link = document.createElement("a");
    link.href = `/clips/${alert.id}`;
    link.textContent = `${alert.camera} ${alert.raised}`;
    const said = document.createElement("span");
    said.textContent = "not judged, new to you";
    const row = document.createElement("li");
    row.append(link, said);
    document.getElementById("clips").prepend(row);
  });
}

function step(by) {
  const links = [...document.querySelectorAll("#clips a")];
  const here = links.findIndex((link) => link.getAttribute("aria-current"));
  const next = links[Math.min(Math.max(here + by, 0), links.length - 1)];
  if (next) next.click();
}

function press(event) {
  if (!keys.checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("input:not([type=range]):not([type=checkbox]), select, textarea")) return;
  const key = event.key.toLowerCase();
  const button = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const field = document.querySelector(`[data-focus="${CSS.escape(key)}"]`);
  if (button) button.click();
  else if (field) field.focus();
  else if (key === "j") step(1);
  else if (key === "k") step(-1);
  else return;
  event.preventDefault();
}

function showInterval() {
  const film = document.getElementById("film");
  const [start, end] = document.querySelectorAll(".interval input");
  for (const slider of [start, end]) {
    const show = () => {
      slider.nextElementSibling.textContent = `${Number(slider.value).toFixed(1)} s`;
    };
    slider.addEventListener("input", () => {
      if (slider === start && Number(start.value) > Number(end.value)) end.value = start.value;
      if (slider === end && Number(end.value) < Number(start.value)) start.value = end.value;
      document.querySelectorAll(".interval input").forEach((other) => {
        other.nextElementSibling.textContent = `${Number(other.value).toFixed(1)} s`;
      });
      if (film) film.currentTime = Number(slider.value);
    });
    show();
  }
}

if (list) {
  rememberKeys();
  follow();
  document.addEventListener("keydown", press);
}
if (document.querySelector(".interval")) showInterval();
