import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { nextSignTime, plausibleAt, publishedAt, type ScheduledKey, signingKeyAt } from "./key-schedule.ts";

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
  assert.equal(signingKeyAt(both, now, rotation), both[0]);
  assert.deepEqual(publishedAt(both, now, rotation), both);
  assert.equal(nextSignTime(both, now, rotation), undefined);
});

test("keeps an old key published until the last token it signed has expired, and not for ever", () => {
  const keys = [{ signTime: at(0) }, { signTime: at(HOUR) }];
  assert.deepEqual(publishedAt(keys, at(HOUR + TOKEN_LIFETIME), rotation), keys);
  assert.deepEqual(publishedAt(keys, at(HOUR + TOKEN_LIFETIME + 6 * MINUTE), rotation), [keys[1]]);
});

test("some key signs at any moment for which keys were made, whatever clock made them", () => {
  const ahead = [{ signTime: at(HOUR) }, { signTime: at(2 * HOUR) }];
  assert.equal(signingKeyAt(ahead, at(0), rotation), ahead[1], "the newest, which stays when the clock is right again");
  const retired = [{ signTime: at(5 * MINUTE) }, { signTime: at(365 * 24 * HOUR) }];
  assert.equal(signingKeyAt(retired, at(0), rotation), retired[0], "and not one that a clock far ahead has made");
  assert.equal(signingKeyAt([], at(0), rotation), undefined);
});

test("a key that was made by a clock far ahead does not count, and the next is made when it is due", () => {
  const year = 365 * 24 * HOUR;
  const keys = [{ signTime: at(0) }, { signTime: at(year + rotation.leadMs) }];
  assert.deepEqual(plausibleAt(keys, at(HOUR), rotation), [keys[0]]);
  const next = [{ signTime: at(0) }, { signTime: at(HOUR + rotation.leadMs) }];
  assert.deepEqual(plausibleAt(next, at(HOUR), rotation), next);
  const only = [{ signTime: at(year) }];
  assert.deepEqual(plausibleAt(only, at(HOUR), rotation), only, "unless there is no other");
});

test("with a clock that jumps and comes back, there is always a key that signs, and it is published", () => {
  const jumps = fc.array(
    fc.tuple(fc.integer({ min: -400 * 24 * 60, max: 400 * 24 * 60 }), fc.integer({ min: 1, max: 90 })),
    {
      minLength: 1,
      maxLength: 20,
    },
  );
  fc.assert(
    fc.property(jumps, (steps) => {
      let keys: ScheduledKey[] = [{ signTime: at(0) }];
      let now = HOUR;
      for (const [jump, stays] of steps) {
        for (const clock of [jump * MINUTE, 0]) {
          for (let minute = 0; minute < stays; minute++) {
            now += MINUTE;
            const time = at(now + clock);
            keys = [...plausibleAt(keys, time, rotation)];
            const next = nextSignTime(keys, time, rotation);
            if (next) keys.push({ signTime: next });
            keys = publishedAt(keys, time, rotation);
            const key = signingKeyAt(keys, time, rotation);
            assert.ok(key && keys.includes(key));
          }
        }
      }
    }),
    { numRuns: 50 },
  );
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
        const key = signingKeyAt(keys, at(now), rotation);
        assert.ok(key, "some key signs");
        tokens.push({ key, expires: now + TOKEN_LIFETIME });
        const published = publishedAt(keys, at(now), short);
        for (const token of tokens) assert.ok(token.expires <= now || published.includes(token.key));
        now += wait;
      }
    }),
  );
});
