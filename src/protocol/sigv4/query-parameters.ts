/** Parameters of a query, decoded; the first of several with the same name. */
export function queryParameters(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const parameter of query.split("&")) {
    const equals = parameter.indexOf("=");
    const name = decodeQueryPart(equals === -1 ? parameter : parameter.slice(0, equals));
    if (!parameters.has(name)) parameters.set(name, equals === -1 ? "" : decodeQueryPart(parameter.slice(equals + 1)));
  }
  return parameters;
}

/** A name or value of a query as the client meant it. */
export function decodeQueryPart(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text; // a stray % stands for itself; the signature decides whether the client meant it
  }
}
