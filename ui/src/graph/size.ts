import type { Size } from "./layout";

/** How large a card is; its style sheet says the same. */
export const CARD: Size = { width: 214, height: 65 };
