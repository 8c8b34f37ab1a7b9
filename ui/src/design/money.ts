/** Money as the ledger counts it, in millionths, written for people. */
const formats = new Map<string, Intl.NumberFormat>();

function formatOf(currency: string, digits: number): Intl.NumberFormat {
  const key = `${currency}:${digits}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.NumberFormat("en", {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  formats.set(key, made);
  return made;
}

/**
 * An amount: cents from one unit on, more digits for less, so that what is not free never reads as
 * nothing. A code that is no currency's is written after the number.
 */
export function formatMoney(micros: number, currency: string): string {
  const size = Math.abs(micros);
  const digits = size === 0 || size >= 1e5 ? 2 : size >= 1e3 ? 4 : 6;
  try {
    return formatOf(currency, digits).format(micros / 1e6);
  } catch {
    return `${(micros / 1e6).toFixed(digits)} ${currency}`;
  }
}
