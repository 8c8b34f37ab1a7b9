/** Which decisions a page shows; what is absent is not asked about. */
export interface Asked {
  service?: string;
  model?: string;
  arm?: string;
  status?: string;
  key?: string;
  since?: string;
  until?: string;
}

const NAMES = ["service", "model", "arm", "status", "key", "since", "until"] as const;

/** What an address asks for; whatever else it says is left out. */
export function askedIn(search: Record<string, unknown>): Asked {
  const asked: Asked = {};
  for (const name of NAMES) {
    const value = search[name];
    if (typeof value === "string" && value) asked[name] = value;
    // The router reads numbers where people typed digits.
    if (typeof value === "number") asked[name] = String(value);
  }
  return asked;
}
