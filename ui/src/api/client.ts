import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

/** Every shape that the API answers, by name. */
export type Schemas = components["schemas"];

export const client = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

/** An error as the server described it (RFC 9457). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly code: string,
    readonly remedy: string,
  ) {
    super(detail);
  }

  static from(response: Response, body: unknown): Problem {
    const told = (body ?? {}) as Partial<Schemas["Problem"]>;
    return new Problem(
      response.status,
      told.detail ?? `the server answered ${response.status}`,
      told.code ?? "unknown",
      told.remedy ?? "",
    );
  }
}

/** Return an answer's data, or throw what went wrong. */
export async function answer<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (data === undefined) throw Problem.from(response, error);
  return data;
}
