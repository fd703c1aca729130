import type { Installation } from "../installation.ts";
import type { ProgramSearch } from "../stores/programs.ts";
import type { Settings } from "./service-process.ts";
import type { Progress } from "./shop-processes.ts";

/** What a shop is to be like, for who starts one. */
export interface ShopOptions extends Partial<Installation>, Settings {
  /** The services to run; every one that is discovered when absent. */
  services?: string[];
  programs?: ProgramSearch;
  /** As in InfrastructureOptions: for tests of anything but what a store keeps. */
  isThrowaway?: boolean;
  /** Whether processes run from a bundle of plain JavaScript, as people's shops do; from their TypeScript unless told. */
  bundled?: boolean;
  /** Whether services call each other through sidecars; they do unless told otherwise. */
  mesh?: boolean;
  /** How long the sidecars' certificates hold; 24 hours when absent. */
  certificateLifetimeMs?: number;
  report?: (progress: Progress) => void;
  /** Ends a start that is under way. */
  signal?: AbortSignal;
}
