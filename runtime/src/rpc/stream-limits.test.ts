import assert from "node:assert/strict";
import { test } from "vitest";
import { StreamPlaces } from "./stream-limits.ts";

test("each user has a share of the places, and gets it back with each stream that ends", () => {
  const places = new StreamPlaces({ total: 10, perUser: 2 });
  const open = () => {
    const place = places.take();
    place.takeFor("alice");
    return place;
  };
  const [first] = [open(), open()];
  assert.throws(open, { kind: "exhausted" });
  first.leave();
  first.leave();
  open();
  assert.throws(open, { kind: "exhausted" });
});

test("a stream that ended before it was known whose it is counts for nobody", () => {
  const places = new StreamPlaces({ total: 10, perUser: 1 });
  for (let times = 0; times < 20; times += 1) {
    const place = places.take();
    place.leave();
    place.takeFor("alice");
  }
  places.take().takeFor("alice");
});
