import { useEffect, useRef } from "react";

type Deed = () => void;

const TYPING = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable=true]";

/** Single keys for what is done a thousand times; none while somebody types, in a dialog, or with a modifier. */
export function useKeys(deeds: Record<string, Deed | undefined>): void {
  const current = useRef(deeds);
  current.current = deeds;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (document.querySelector("[role=dialog]")) return;
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const target = event.target as HTMLElement;
      if (target.closest(TYPING)) {
        if (event.key === "Escape") target.blur();
        return;
      }
      // Enter on a button or a link is a click on it.
      if (event.key === "Enter" && target.closest("a, button")) return;
      const deed = current.current[event.key];
      if (!deed) return;
      event.preventDefault();
      deed();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

/** Deeds for the keys 1 to 9, by place. */
export function numbered(count: number, deed: (place: number) => void): Record<string, Deed> {
  const places = Array.from({ length: Math.min(count, 9) }, (_, place) => place);
  return Object.fromEntries(places.map((place) => [String(place + 1), () => deed(place)]));
}
