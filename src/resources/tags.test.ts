import { expect, test } from "vitest";
import { pageOfTags, tagRecord, withTags } from "./tags.ts";

const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, "v"]));

test("tags of an input become a record by key, whatever the key is called", () => {
  const tags = tagRecord([
    { Key: "Team", Value: "vision" },
    { Key: "__proto__", Value: "x" },
    { Key: "team", Value: "" },
  ]);
  expect(Object.entries(tags)).toEqual([
    ["Team", "vision"],
    ["__proto__", "x"],
    ["team", ""],
  ]);
});

test("a key that is given twice or reserved is refused by name", () => {
  expect(() =>
    tagRecord([
      { Key: "a", Value: "1" },
      { Key: "a", Value: "1" },
    ]),
  ).toThrow('Tag key "a" is given more than once');
  for (const Key of ["aws:x", "AWS:x"]) {
    expect(() => tagRecord([{ Key, Value: "" }])).toThrow(`Tag key "${Key}" is not allowed`);
  }
  expect(tagRecord([{ Key: "laws:x", Value: "" }])).toEqual({ "laws:x": "" });
});

test("a resource has at most fifty tags; replacing one is not adding one", () => {
  expect(Object.keys(withTags(many, { k0: "new" }))).toHaveLength(50);
  expect(() => withTags(many, { more: "v" })).toThrow("A resource can have at most 50 tags, this one would have 51");
});

test("tags are paged with a token that belongs to one ARN", () => {
  const tags = { a: "1", b: "2", c: "3" };
  const first = pageOfTags("arn:a", tags, { MaxResults: 2 });
  expect(first.Tags.map(({ Key }) => Key)).toEqual(["a", "b"]);
  const { NextToken } = first;
  expect(pageOfTags("arn:a", tags, { MaxResults: 2, NextToken })).toEqual({ Tags: [{ Key: "c", Value: "3" }] });
  expect(() => pageOfTags("arn:b", tags, { NextToken })).toThrow("Invalid pagination token");
  expect(pageOfTags("arn:a", {}, {})).toEqual({ Tags: [] });
});
