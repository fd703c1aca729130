import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { bind, decode, decodeSaid } from "../../test/specimen.ts";

const get = { pattern: { case: "get", value: "/v1/things" } } as const;
const post = { pattern: { case: "post", value: "/v1/things" }, body: "*" } as const;

describe("query parameters", () => {
  for (const [query, expected] of [
    ["name=a+b%2Bc", { name: "a b+c" }],
    ["isNew=true", { isNew: true }],
    ["is_new=true", { isNew: true }],
    ["count=9007199254740993", { count: "9007199254740993" }],
    ["ratio=1.5", { ratio: 1.5 }],
    ["ratio=NaN", { ratio: "NaN" }],
    ["raw=AQI%3D", { raw: "AQI=" }],
    ["color=RED", { color: "RED" }],
    ["color=2", { color: "BLUE" }],
    ["colors=RED&colors=2", { colors: ["RED", "BLUE"] }],
    ["tags=a&tags=&tags=b", { tags: ["a", "", "b"] }],
    ["after=2026-01-02T03:04:05Z", { after: "2026-01-02T03:04:05Z" }],
    ["wait=1.5s", { wait: "1.500s" }],
    ["readMask=name,inner.itemId", { readMask: "name,inner.itemId" }],
    ["read_mask=is_new", { readMask: "isNew" }],
    ["limit=0", { limit: 0 }],
    ["isOpen=false", { isOpen: false }],
    ["title=", { title: "" }],
    ["inner.itemId=x&inner.deeper.size=3", { inner: { itemId: "x", deeper: { size: 3 } } }],
    ["&&name=x&", { name: "x" }],
  ] as const) {
    test(`reads ${query}`, () => assert.deepEqual(decode(get, { query }), expected));
  }

  for (const [query, why] of [
    ["nmae=x", /^nmae: there is no such parameter; there is name, isNew/],
    ["inner.nope=x", /^inner.nope: there is no such parameter/],
    ["name.x=1", /^name.x: there is no such parameter/],
    ["after.seconds=1", /^after.seconds: there is no such parameter/],
    ["name=a&name=b", /^name: is given twice/],
    ["inner=x", /^inner: cannot be given as a query parameter/],
    ["inners=x", /^inners: cannot be given/],
    ["extra=x", /^extra: cannot be given/],
    ["isNew=yes", /^isNew: /],
    ["count=1.5", /^count: /],
    ["count=", /^count: /],
    ["color=GREEN", /^color: /],
    ["colors=RED&colors=GREEN", /^colors\[1\]: /],
    ["after=yesterday", /^after: /],
    ["wait=soon", /^wait: /],
    ["inner.size=x", /^inner.size: /],
    ["raw=%", /percent-encoded/],
    // Numbers are decimal in proto3 JSON, which protobuf-es 2.17 does not see to.
    ["inner.size=%2B5", /^inner.size: must be a decimal number/],
    ["inner.size=0x10", /^inner.size: must be a decimal number/],
    ["count=0b1", /^count: must be a decimal number/],
    ["ratio=0o7", /^ratio: must be a decimal number/],
    ["limit=0x10", /^limit: must be a decimal number/],
    ["wait=1.5s%20or%20so", /^wait: must be a duration in seconds/],
    ["wait=1.1234567890s", /^wait: must be a duration in seconds/],
    ["oneThing=x&otherThing.itemId=y", /^otherThing: cannot be given together with oneThing: send one of them/],
    ["%24nope=x", /^\$nope: there is no such parameter/],
  ] as const) {
    test(`refuses ${query}`, () => assert.throws(() => decode(get, { query }), { message: why }));
  }
});

describe("paths", () => {
  const nested = { pattern: { case: "get", value: "/v1/{name=shelves/*/books/**}/of/{inner.item_id}" } } as const;

  test("give nested fields, and fields over several segments", () => {
    const rule = { pattern: { case: "get", value: "/v1/{inner.item_id}/{name=books/**}" } } as const;
    const segments = ["v1", "a%2Fb", "books", "x%20y", "c%2Fd"];
    assert.deepEqual(decode(rule, { segments }), { name: "books/x y/c%2Fd", inner: { itemId: "a/b" } });
  });

  test("join with query parameters in the same message", () => {
    const rule = { pattern: { case: "get", value: "/v1/{inner.item_id}" } } as const;
    assert.deepEqual(decode(rule, { segments: ["v1", "x"], query: "inner.size=2" }), {
      inner: { itemId: "x", size: 2 },
    });
  });

  test("give numbers, booleans and enums", () => {
    const rule = { pattern: { case: "get", value: "/v1/{count}/{is_new}/{color}" } } as const;
    const expected = { count: "7", isNew: true, color: "BLUE" };
    assert.deepEqual(decode(rule, { segments: ["v1", "7", "true", "2"] }), expected);
    assert.throws(() => decode(rule, { segments: ["v1", "x", "true", "2"] }), /^InvalidField: count: /);
  });

  test("must name a field of one value", () => {
    assert.throws(() => bind({ pattern: { case: "get", value: "/v1/{tags}" } }), /"tags"/);
    assert.throws(() => bind({ pattern: { case: "get", value: "/v1/{nope}" } }), /"nope"/);
    assert.throws(() => bind({ pattern: { case: "get", value: "/v1/{inner}" } }), /"inner"/);
    assert.throws(() => bind(nested), /something follows \*\*/);
  });
});

describe("bodies", () => {
  test("are the whole message", () => {
    const json = { name: "x", inners: [{ itemId: "a" }], extra: { any: [1, null] } };
    assert.deepEqual(decode(post, { json }), json);
  });

  test("are one field, beside path and query", () => {
    const rule = { pattern: { case: "put", value: "/v1/{name}" }, body: "inner" } as const;
    const parts = { segments: ["v1", "x"], query: "count=2", json: { itemId: "a" } };
    assert.deepEqual(decode(rule, parts), { name: "x", count: "2", inner: { itemId: "a" } });
    assert.throws(() => decode(rule, { segments: ["v1", "x"], query: "inner.size=1" }), /^InvalidField: inner.size: /);
    assert.throws(() => decode(rule, { segments: ["v1", "x"], json: { nope: 1 } }), /^InvalidField: inner.nope: /);
  });

  test("may repeat what the path says, by either name, and not say otherwise", () => {
    const rule = { pattern: { case: "post", value: "/v1/{inner.item_id}" }, body: "*" } as const;
    const segments = ["v1", "x"];
    assert.deepEqual(decode(rule, { segments, json: { inner: { item_id: "x", size: 1 } } }), {
      inner: { itemId: "x", size: 1 },
    });
    assert.throws(() => decode(rule, { segments, json: { inner: { itemId: "y" } } }), /body and the path differ/);
    assert.throws(() => decode(rule, { segments, json: { inner: 5 } }), /^InvalidField: inner: must be an object/);
  });

  test("count as not saying a path's field where they have null for it, the default of proto3 JSON", () => {
    const rule = { pattern: { case: "patch", value: "/v1/{name}" }, body: "*" } as const;
    assert.deepEqual(decode(rule, { segments: ["v1", "x"], json: { name: null } }), { name: "x" });
    const nested = { pattern: { case: "post", value: "/v1/{inner.item_id}" }, body: "*" } as const;
    assert.deepEqual(decode(nested, { segments: ["v1", "x"], json: { inner: null } }), { inner: { itemId: "x" } });
  });

  test("may say what the path says in another spelling of the same value", () => {
    const ratio = { pattern: { case: "post", value: "/v1/{ratio}" }, body: "*" } as const;
    assert.deepEqual(decode(ratio, { segments: ["v1", "1.50"], json: { ratio: 1.5 } }), { ratio: 1.5 });
    assert.throws(() => decode(ratio, { segments: ["v1", "1.50"], json: { ratio: 1.6 } }), /body and the path differ/);
    const color = { pattern: { case: "post", value: "/v1/{color}" }, body: "*" } as const;
    assert.deepEqual(decode(color, { segments: ["v1", "BLUE"], json: { color: 2 } }), { color: "BLUE" });
    const after = { pattern: { case: "post", value: "/v1/{after}" }, body: "*" } as const;
    const sameTime = { segments: ["v1", "2026-01-02T03:04:05Z"], json: { after: "2026-01-02T04:04:05+01:00" } };
    assert.deepEqual(decode(after, sameTime), { after: "2026-01-02T03:04:05Z" });
  });

  test("are joined with the path's field under either name of the message that holds it", () => {
    const rule = { pattern: { case: "post", value: "/v1/{other_thing.item_id}" }, body: "*" } as const;
    for (const name of ["other_thing", "otherThing"]) {
      assert.deepEqual(decode(rule, { segments: ["v1", "x"], json: { [name]: { size: 1 } } }), {
        otherThing: { itemId: "x", size: 1 },
      });
    }
  });

  test("are refused by the field, in JSON names, where they give two members of a oneof (AIP-193)", () => {
    assert.throws(() => decode(post, { json: { oneThing: "x", otherThing: {} } }), {
      message: "otherThing: cannot be given together with oneThing: send one of them",
    });
    assert.deepEqual(decode(post, { json: { oneThing: null, otherThing: {} } }), { otherThing: {} });
  });

  test("may begin with a byte order mark (RFC 8259, section 8.1)", () => {
    assert.deepEqual(decode(post, { body: Buffer.from('\ufeff{"name":"x"}') }), { name: "x" });
  });

  test("are one value where the request is a well-known type with a JSON form of its own", () => {
    assert.equal(decodeSaid(post, '"x"'), "x");
    assert.equal(decodeSaid(post, ""), "");
    assert.throws(() => decodeSaid(post, "5"), /^InvalidField: body: must be a string/);
    assert.throws(() => bind(get, "Say"), /has no fields in JSON/);
    assert.throws(() => bind({ pattern: { case: "post", value: "/v1/{value}" }, body: "*" }, "Say"), /no fields/);
  });

  for (const [what, json, why] of [
    ["an object for a mask", { readMask: { paths: ["name"] } }, "readMask: must be a string of comma-separated names"],
    ["a list for a mask", { readMask: ["name"] }, "readMask: must be a string of comma-separated names"],
    ["an object for a time", { after: { seconds: 5 } }, 'after: must be a time such as "2026-01-02T03:04:05Z"'],
    ["a number for a duration", { wait: 5 }, 'wait: must be a duration in seconds such as "1.5s"'],
    ["an object for a wrapped string", { title: { value: "x" } }, "title: must be a string"],
    ["a list for a struct", { extra: [] }, "extra: must be an object"],
    ["an unknown enum value", { color: "GREEN" }, "color: must be one of NONE, RED, BLUE"],
    ["hexadecimal", { inner: { size: "0x10" } }, "inner.size: must be a decimal number"],
  ] as const) {
    test(`are refused in words of JSON: ${what}`, () => {
      assert.throws(
        () => decode(post, { json }),
        ({ message }: Error) => message.startsWith(why) && !/google|protobuf|cannot decode/.test(message),
      );
    });
  }

  test("are refused where there is none", () => {
    assert.throws(() => decode(get, { json: {} }), /^InvalidField: body: there must be none/);
  });

  for (const [what, body, field] of [
    ["one", '{"count": 9007199254740993}', "count"],
    ["a negative one", '{"count": -9007199254740992}', "count"],
    ["one of a list", '{"counts": [1, 9007199254740992]}', "counts[1]"],
    ["one that is wrapped", '{"total": 1e400}', "total"],
  ] as const) {
    test(`do not round integers: ${what} that is too large for a number is refused`, () => {
      const asked = () => decode(post, { body: Buffer.from(body) });
      assert.throws(asked, {
        message: `${field}: as a JSON number it would be rounded beyond ±(2^53-1): send it as a string`,
      });
    });
  }

  test("do not round integers in messages either, nor where the body is one of them", () => {
    const nested = { pattern: { case: "put", value: "/v1/{name}" }, body: "total" } as const;
    const parts = { segments: ["v1", "x"], body: Buffer.from("9007199254740993") };
    assert.throws(() => decode(nested, parts), /^InvalidField: total: .*send it as a string/);
  });

  test("take large integers as strings, and large numbers that are no integers", () => {
    const json = { count: "9007199254740993", ratio: 1e300, counts: ["9007199254740993"], extra: { large: 1e300 } };
    assert.deepEqual(decode(post, { json }), json);
    assert.deepEqual(decode(post, { json: { count: Number.MAX_SAFE_INTEGER } }), { count: "9007199254740991" });
  });

  test("must not name a field twice by its two names", () => {
    assert.throws(() => decode(post, { json: { isNew: true, is_new: false } }), /isNew|is_new|multiple/);
  });
});

test("refuses to bind a method that no HTTP request arrives with", () => {
  for (const kind of ["purge", "FOO", "CONNECT", ""]) {
    assert.throws(() => bind({ pattern: { case: "custom", value: { kind, path: "/v1/{name}" } } }), /no HTTP request/);
  }
});

test("binds additional rules too, each with its own path", () => {
  const rules = bind({
    ...post,
    additionalBindings: [
      { ...get, responseBody: "inner" },
      { pattern: { case: "custom", value: { kind: "PURGE", path: "/v1/{name}" } } },
    ],
  });
  assert.deepEqual(
    rules.map(({ httpMethod, path, index, responseBody }) => [httpMethod, path, index, responseBody?.name]),
    [
      ["POST", "/v1/things", 0, undefined],
      ["GET", "/v1/things", 1, "inner"],
      ["PURGE", "/v1/{name}", 2, undefined],
    ],
  );
});
