/** The three sides of a queue's desk. */
export type LabelView = "judge" | "disputes" | "agreement";

export const isLabelView = (text: unknown): text is LabelView =>
  text === "judge" || text === "disputes" || text === "agreement";
