/**
 * What @peculiar/x509's dependency injection asks of Reflect and no JavaScript engine has: metadata on classes.
 * Must be imported before it. Without effect where somebody else has brought the real thing.
 */
const known = new WeakMap<object, Map<unknown, unknown>>();

function find(key: unknown, target: object | null): unknown {
  for (let owner = target; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const entries = known.get(owner);
    if (entries?.has(key)) return entries.get(key);
  }
  return undefined;
}

function define(key: unknown, value: unknown, target: object): void {
  const entries = known.get(target) ?? new Map<unknown, unknown>();
  known.set(target, entries.set(key, value));
}

if (!("getMetadata" in Reflect)) {
  Object.assign(Reflect, {
    getMetadata: find,
    getOwnMetadata: (key: unknown, target: object) => known.get(target)?.get(key),
    defineMetadata: define,
    metadata: (key: unknown, value: unknown) => (target: object) => define(key, value, target),
  });
}
