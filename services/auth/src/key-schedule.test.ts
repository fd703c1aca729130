import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextSignTime, publishedAt, type ScheduledKey, signingKeyAt } from "./key-schedule.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TOKEN_LIFETIME = 15 * MINUTE;
const rotation = { periodMs: 168 * HOUR, leadMs: 10 * MINUTE, lingerMs: TOKEN_LIFETIME + 5 * MINUTE };
const at = (ms: number) => new Date(ms);

test("has the very first key sign at once", () => {
  assert.deepEqual(nextSignTime([], at(5_000), rotation), at(5_000));
});

test("makes no key before the newest one's time is nearly over", () => {
  const keys = [{ signTime: at(0) }];
  assert.equal(nextSignTime(keys, at(167 * HOUR), rotation), undefined);
  assert.deepEqual(nextSignTime(keys, at(168 * HOUR - rotation.leadMs), rotation), at(168 * HOUR));
});

test("publishes a key for ten minutes before it signs, also after a long standstill", () => {
  const keys = [{ signTime: at(0) }];
  const now = at(10_000 * HOUR);
  const next = nextSignTime(keys, now, rotation);
  assert.deepEqual(next, at(10_000 * HOUR + rotation.leadMs));
  const both = [...keys, { signTime: next ?? now }];
  assert.equal(signingKeyAt(both, now), both[0]);
  assert.deepEqual(publishedAt(both, now, rotation), both);
  assert.equal(nextSignTime(both, now, rotation), undefined);
});

test("keeps an old key published until the last token it signed has expired, and not for ever", () => {
  const keys = [{ signTime: at(0) }, { signTime: at(HOUR) }];
  assert.deepEqual(publishedAt(keys, at(HOUR + TOKEN_LIFETIME), rotation), keys);
  assert.deepEqual(publishedAt(keys, at(HOUR + TOKEN_LIFETIME + 6 * MINUTE), rotation), [keys[1]]);
});

test("at any moment, with checks at any interval, every token that has not expired can be verified", () => {
  const check = fc.array(fc.integer({ min: 1, max: 30 * HOUR }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(check, fc.integer({ min: 1, max: 48 }), (waits, hours) => {
      const short = { ...rotation, periodMs: hours * HOUR };
      const keys: ScheduledKey[] = [];
      const tokens: { key: ScheduledKey; expires: number }[] = [];
      let now = 0;
      for (const wait of waits) {
        const next = nextSignTime(keys, at(now), short);
        if (next) {
          assert.ok(keys.length === 0 || next.getTime() - now >= short.leadMs, "published before it signs");
          keys.push({ signTime: next });
        }
        const key = signingKeyAt(keys, at(now));
        assert.ok(key, "some key signs");
        tokens.push({ key, expires: now + TOKEN_LIFETIME });
        const published = publishedAt(keys, at(now), short);
        for (const token of tokens) assert.ok(token.expires <= now || published.includes(token.key));
        now += wait;
      }
    }),
  );
});
