/** google.type.Money ↔ whole minor units (cents) of the shop's currency. */
import { Money } from "@row/gen/grpc/google/type/money.ts";
import { CURRENCY, MAX_MINOR, MINOR_PER_UNIT } from "./currency.ts";
import { InvalidField } from "./domain-error.ts";

const NANOS_PER_MINOR = 10_000_000;

/** A google.type.Money of so many cents. */
export function toMoney(minor: bigint): Money {
  return Money.create({
    currencyCode: CURRENCY,
    units: minor / MINOR_PER_UNIT,
    nanos: Number(minor % MINOR_PER_UNIT) * NANOS_PER_MINOR,
  });
}

/** The cents of a google.type.Money from outside; throws InvalidField with the field's name. */
export function fromMoney(money: Money | undefined, field: string): bigint {
  if (!money) throw new InvalidField(field, "is required");
  if (money.currencyCode !== CURRENCY) throw new InvalidField(`${field}.currency_code`, `must be ${CURRENCY}`);
  if (Math.abs(money.nanos) > 999_999_999 || money.nanos % NANOS_PER_MINOR !== 0) {
    throw new InvalidField(`${field}.nanos`, "must be whole cents");
  }
  if ((money.units > 0n && money.nanos < 0) || (money.units < 0n && money.nanos > 0)) {
    throw new InvalidField(`${field}.nanos`, "must have the sign of units");
  }
  const minor = money.units * MINOR_PER_UNIT + BigInt(money.nanos / NANOS_PER_MINOR);
  if (minor > MAX_MINOR || minor < -MAX_MINOR) throw new InvalidField(field, "is out of range");
  return minor;
}

/** Like fromMoney, and more than nothing. */
export function fromPrice(money: Money | undefined, field: string): bigint {
  const minor = fromMoney(money, field);
  if (minor <= 0n) throw new InvalidField(field, "must be more than 0");
  return minor;
}
