/** Content types of channels and requests. */

export interface ContentType {
  /** Lower case, without parameters, e.g. `text/csv`. */
  readonly mediaType: string;
  /** Keys in lower case, values as written without quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Splits `text/csv; label_size=1;charset=utf8` into its parts. */
export function parseContentType(value: string): ContentType {
  const [mediaType, ...rest] = value.split(";");
  const parameters = rest
    .map((part) => part.split("="))
    .map(
      ([key, ...parts]) =>
        [
          key.trim().toLowerCase(),
          parts
            .join("=")
            .trim()
            .replace(/^"(.*)"$/, "$1"),
        ] as const,
    )
    .filter(([key]) => key !== "");
  return { mediaType: mediaType.trim().toLowerCase(), parameters: new Map(parameters) };
}
