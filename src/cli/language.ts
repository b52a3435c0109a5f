/** Korean or English, as the terminal's locale says; `SAGEBRUSH_LANG=ko|en` overrides. */
export type Language = "en" | "ko";

export type Text = Readonly<Record<Language, string>>;

export function language(environment: NodeJS.ProcessEnv = process.env): Language {
  const chosen =
    environment["SAGEBRUSH_LANG"] || environment["LC_ALL"] || environment["LC_MESSAGES"] || environment["LANG"] || "";
  return chosen.toLowerCase().startsWith("ko") ? "ko" : "en";
}

/** Picks the language and fills `{name}` from `facts`. */
export function say(text: Text, facts: Readonly<Record<string, string | number>> = {}): string {
  return text[language()].replace(/\{(\w+)\}/g, (whole, name: string) => String(facts[name] ?? whole));
}
