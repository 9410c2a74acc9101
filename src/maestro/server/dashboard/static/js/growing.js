// A list of which the first page is kept fresh, and that older pages are put below. Pure.

import { asking } from "./asking.js";

const NOTHING = { items: null, next: null, error: null };

/**
 * @param page asks for a page: `page({cursor, etag})` promises `{body: {items, next}, etag}`, or null
 *   where the first page is as `etag` names it
 * @param tell hears `{items, next, error}` after every change; `items` is null before the first answer
 * @param idOf names an item
 */
export function growing(page, tell, idOf = (one) => one.id) {
  let shown = NOTHING;
  let etag = null;
  let grown = false; // whether older pages stand below the first one
  let under = null; // the promise of the older page that was asked for

  function change(part) {
    shown = { ...shown, ...part };
    tell(shown);
  }

  const without = (items, others) => {
    const known = new Set(others.map(idOf));
    return items.filter((one) => !known.has(idOf(one)));
  };

  const line = asking(({ data, error }) => {
    if (error || data === null) {
      change({ error: error ?? null });
      return;
    }
    etag = data.etag;
    const { items, next } = data.body;
    const below = grown ? without(shown.items, items) : [];
    // Where nothing of what was shown is in the first page any more, some may be missing between.
    grown = grown && below.length < shown.items.length;
    change({ items: grown ? [...items, ...below] : items, next: grown ? shown.next : next, error: null });
  });

  async function older() {
    const cursor = shown.next;
    grown = true; // from now on the first page moves nothing that this one is to follow
    const { body } = await page({ cursor, etag: null });
    if (shown.next !== cursor) return;
    change({ items: [...shown.items, ...without(body.items, shown.items)], next: body.next });
  }

  return {
    refresh: () => line.ask(() => page({ cursor: null, etag })),
    /** Asks for the next older page, once until it is answered. */
    more() {
      if (under === null && shown.next) {
        const mine = older().finally(() => {
          if (under === mine) under = null;
        });
        under = mine;
      }
      return under ?? Promise.resolve();
    },
    forget() {
      line.forget();
      shown = NOTHING;
      [etag, grown, under] = [null, false, null];
    },
  };
}
