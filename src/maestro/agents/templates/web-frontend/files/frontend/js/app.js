/**
 * Starts the page: finds the APIs, draws the frame, and shows the view of the address.
 */

import { createClient } from "./api.js";
import { Collection } from "./collection.js";
import { fill, h, icon } from "./dom.js";
import { errorBox } from "./feedback.js";
import { ICONS } from "./icons.js";
import { APP, ENTITIES, entityAt } from "./model.js";
import { makeHash, readHash } from "./route.js";
import { number } from "./values.js";
import { DetailView } from "./views/detail.js";
import { HomeView } from "./views/home.js";
import { ListView } from "./views/list.js";

const THEMES = ["auto", "light", "dark"];

class App {
  #collections;
  #main = document.getElementById("main");
  #current = "";

  constructor(client) {
    this.#collections = new Map(ENTITIES.map((entity) => [entity.name, new Collection(entity, client)]));
  }

  collection(name) {
    return this.#collections.get(name);
  }

  collections() {
    return [...this.#collections.values()];
  }

  start() {
    this.#drawNavigation();
    addEventListener("hashchange", () => this.#show(true));
    this.entriesChanged();
    return this.#show(false);
  }

  /** Entries were added or deleted: the numbers in the navigation are read again. */
  entriesChanged() {
    for (const collection of this.collections()) {
      const place = document.querySelector(`[data-count="${CSS.escape(collection.entity.plural)}"]`);
      if (!place || !collection.can("list") || !knowsTotal(collection)) continue;
      collection.count().then(
        (count) => (place.textContent = number(count)),
        () => (place.textContent = ""),
      );
    }
  }

  async #show(moved) {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    const { segments, params } = readHash(location.hash);
    const view = this.#viewOf(segments, params);
    this.#markNavigation(segments);
    fill(this.#main, view.element);
    this.#current = location.hash;
    const shown = this.#current;
    await view.show();
    const heading = this.#main.querySelector("h1");
    document.title = heading && segments.length ? `${heading.textContent} · ${APP.title}` : APP.title;
    if (moved && shown === this.#current && !document.querySelector("dialog[open]")) heading?.focus();
    if (segments[1] === "new" && view.create) {
      history.replaceState(null, "", makeHash([segments[0]], params));
      await view.create();
    }
  }

  #viewOf(segments, params) {
    if (!segments.length) return new HomeView(this);
    const entity = entityAt(segments[0]);
    if (!entity) return lostView();
    const collection = this.collection(entity.name);
    if (segments.length > 1 && segments[1] !== "new") return new DetailView(this, collection, segments[1]);
    return new ListView(this, collection, params);
  }

  #drawNavigation() {
    const links = this.collections().map(({ entity }) =>
      h(
        "a",
        { href: makeHash([entity.route]), data: { nav: entity.plural } },
        h("span", { class: "nav-label" }, entity.labelPlural),
        h("span", { class: "nav-count", data: { count: entity.plural } }),
      ),
    );
    const home = h("a", { href: "#/", data: { nav: "" } }, icon(ICONS.home), h("span", { class: "nav-label" }, "Overview"));
    fill(document.getElementById("navigation"), home, links);
  }

  #markNavigation(segments) {
    const plural = segments.length ? entityAt(segments[0])?.plural : "";
    for (const link of document.querySelectorAll("[data-nav]")) {
      if (link.dataset.nav !== plural) link.removeAttribute("aria-current");
      else {
        link.setAttribute("aria-current", "page");
        link.scrollIntoView({ block: "nearest", inline: "center" });
      }
    }
  }
}

function knowsTotal(collection) {
  return !collection.paged || Boolean(collection.entity.listing.total);
}

function lostView() {
  const element = h(
    "section",
    { class: "empty" },
    icon(ICONS.box),
    h("h1", { tabindex: "-1" }, "There is no such page"),
    h("p", {}, h("a", { href: "#/" }, "Go to the overview")),
  );
  return { element, show: async () => {} };
}

/** The addresses of the APIs, relative to this page, one per component. */
async function readAddresses() {
  const response = await fetch(new URL("config.json", document.baseURI));
  if (!response.ok) throw new Error(`config.json answered ${response.status}.`);
  const { apis } = await response.json();
  const missing = APP.components.filter((component) => typeof apis?.[component] !== "string");
  if (missing.length) throw new Error(`config.json names no API for ${missing.join(", ")}.`);
  return apis;
}

function useTheme() {
  const button = document.getElementById("theme");
  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.title = `Theme: ${theme}`;
  };
  apply(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto");
  button.append(icon(ICONS.theme));
  button.addEventListener("click", () => {
    const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
    localStorage.setItem("theme", theme);
    apply(theme);
  });
}

/** The link to the content moves the focus; the address stays the view's. */
function useSkipLink() {
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
}

async function start() {
  useTheme();
  useSkipLink();
  try {
    await new App(createClient(await readAddresses())).start();
  } catch (error) {
    const again = { label: "Try again", run: () => location.reload() };
    fill(document.getElementById("main"), errorBox("The page could not start", error.message, again));
  }
}

await start();
