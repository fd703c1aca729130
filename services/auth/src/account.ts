/** An account: what it is called and what its owner may do. Nothing here does I/O. */
import { DomainError, InvalidField } from "@row/runtime/domain-error.ts";

/** What everybody who registers may do. */
export const FIRST_ROLE = "customer";

/** The role of which the shop keeps at least one holder. */
export const ADMIN = "admin";

/** The address is unknown or the password is wrong; which of the two, nobody is told. */
export class BadCredentials extends DomainError {
  constructor() {
    super("unauthenticated", "BAD_CREDENTIALS", "Cannot sign in: the address is unknown or the password is wrong");
  }
}

export class UserNotFound extends DomainError {
  constructor(userId: string) {
    super("not-found", "USER_NOT_FOUND", `Cannot find user "${userId}": no user has this id`, { facts: { userId } });
  }
}

export class LastAdmin extends DomainError {
  constructor(userId: string) {
    super("refused", "LAST_ADMIN", `Cannot take the role "${ADMIN}" from "${userId}": nobody else holds it`, {
      facts: { userId },
    });
  }
}

/** The form in which addresses are kept and compared. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

/** A name that can be shown. */
export function displayName(name: string): string {
  if (/\p{Cc}/u.test(name)) throw new InvalidField("display_name", "must not hold control characters");
  const shown = name.trim();
  if (shown === "") throw new InvalidField("display_name", "must hold something that can be seen");
  return shown;
}

/** The same password typed on another keyboard may come in another Unicode form. */
export function normalPassword(password: string): string {
  return password.normalize("NFC");
}
