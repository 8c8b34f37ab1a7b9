/** How many entries a list shows at first, and adds each time somebody asks for older ones. */
export const PAGE = 200;

/**
 * Where the next page of a list begins: at the key of the last entry. A page that is not full is the
 * last one; one that is full may be as well, and then the next is empty.
 */
export const nextBy =
  <T, K>(keyOf: (last: T) => K, size = PAGE) =>
  (page: T[]): K | null => {
    const last = page.at(-1);
    return last === undefined || page.length < size ? null : keyOf(last);
  };
