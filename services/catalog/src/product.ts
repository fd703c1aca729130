/** A product: what a merchant may change about it, and when that is refused. Nothing here does I/O. */
import { DomainError, InvalidField } from "@row/runtime/domain-error.ts";

export interface Product {
  readonly id: string;
  /** What the merchant knows it by; unique. */
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly categoryId: string;
  /** In cents. */
  readonly priceMinor: bigint;
  /** Whether some are on hand; no part of the product's version. */
  readonly available: boolean;
  /** Counts the changes, from 1. */
  readonly version: bigint;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** What can be changed about a product, other than its price. */
export type Description = Pick<Product, "name" | "description" | "categoryId">;

export class ProductNotFound extends DomainError {
  constructor(id: string) {
    super("not-found", "PRODUCT_NOT_FOUND", `Cannot find product "${id}": there is none with this id`, {
      facts: { product_id: id },
    });
  }
}

export class SkuTaken extends DomainError {
  constructor(sku: string) {
    super("already-exists", "SKU_TAKEN", `Cannot create a product with SKU "${sku}": another product has it`, {
      facts: { sku },
    });
  }
}

export class CategoryNotFound extends DomainError {
  constructor(categoryId: string) {
    super("refused", "CATEGORY_NOT_FOUND", `Cannot use category "${categoryId}": there is no such category`, {
      facts: { category_id: categoryId },
    });
  }
}

/** A new product. Throws InvalidField. */
export function newProduct(id: string, product: Pick<Product, "sku" | "priceMinor"> & Description, now: Date): Product {
  const { sku, name, description, categoryId, priceMinor } = product;
  refuseBlank("name", name);
  // Whole milliseconds, as the answer carries them.
  return {
    id,
    sku,
    name,
    description,
    categoryId,
    priceMinor,
    available: false,
    version: 1n,
    createTime: now,
    updateTime: now,
  };
}

const FIELDS: Readonly<Record<string, keyof Description>> = {
  name: "name",
  description: "description",
  category_id: "categoryId",
};

/** What a request wants changed: the fields of its mask, or those that are not empty when it has none. Throws InvalidField. */
export function wantedChanges(given: Description, mask: readonly string[]): Partial<Description> {
  const unknown = mask.findIndex((path) => !Object.hasOwn(FIELDS, path));
  if (unknown !== -1) {
    const known = Object.keys(FIELDS).join(", ");
    throw new InvalidField(
      `update_mask.paths[${unknown}]`,
      `${quoted(mask[unknown])} cannot be changed: name ${known}`,
    );
  }
  const fields = Object.entries(FIELDS).filter(([path, field]) =>
    mask.length > 0 ? mask.includes(path) : given[field] !== "",
  );
  const changes: Partial<Description> = Object.fromEntries(fields.map(([, field]) => [field, given[field]]));
  if (changes.name !== undefined) refuseBlank("name", changes.name);
  if (changes.categoryId !== undefined) refuseBlank("category_id", changes.categoryId);
  return changes;
}

/** A path as a message repeats it. The contract does not bound paths, and a message travels in a header, which has little room. */
function quoted(path = ""): string {
  return /^[\w.]{0,64}$/.test(path) ? `"${path}"` : "what it names";
}

/** The product with these changes; the same product when it is so already. */
export function applyChange(
  product: Product,
  changes: Partial<Description & Pick<Product, "priceMinor">>,
  now: Date,
): Product {
  const changed = { ...product, ...changes };
  const isSame =
    changed.name === product.name &&
    changed.description === product.description &&
    changed.categoryId === product.categoryId &&
    changed.priceMinor === product.priceMinor;
  return isSame ? product : { ...changed, version: product.version + 1n, updateTime: now };
}

function refuseBlank(field: string, value: string): void {
  if (value.trim() === "") throw new InvalidField(field, "must not be blank");
}
