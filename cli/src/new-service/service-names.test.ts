import assert from "node:assert/strict";
import { test } from "vitest";
import { serviceNames } from "./service-names.ts";

test("what a service keeps is written as each language does", () => {
  assert.deepEqual(serviceNames("presents", "gift-card"), {
    ...{ name: "presents", file: "gift-card", field: "gift_card", property: "giftCard" },
    ...{ Resource: "GiftCard", REASON: "GIFT_CARD", words: "gift card" },
  });
});

test("a name that a package, a database or the shop cannot have is refused", () => {
  for (const name of ["Wishes", "gift-cards", "gift_cards", "2nd", "", "x", "a".repeat(21), "wünsche", "../wishes"])
    assert.throws(() => serviceNames(name, "item"), /one word of 2 to 20 lower-case letters and digits/, name);
  for (const name of ["postgres", "toolbox", "others"])
    assert.throws(() => serviceNames(name, "item"), /the shop uses this name for something else/, name);
  for (const resource of ["Wish", "gift_card", "gift--card", "-", "", "2nd", "a".repeat(31)])
    assert.throws(() => serviceNames("wishes", resource), /write one in lower case, such as gift-card/, resource);
});
