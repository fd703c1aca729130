/** The interval of a share, for one look. Pure: it only computes. */

/** Of a normal distribution: 95 % lie within. */
const Z = 1.959963984540054;

/** Wilson's interval at 95 %. */
export function wilson(failed: number, total: number): { readonly from: number; readonly to: number } {
  const share = failed / total;
  const scale = 1 + Z ** 2 / total;
  const middle = (share + Z ** 2 / (2 * total)) / scale;
  const half = (Z / scale) * Math.sqrt((share * (1 - share)) / total + Z ** 2 / (4 * total ** 2));
  return { from: Math.max(0, middle - half), to: Math.min(1, middle + half) };
}
