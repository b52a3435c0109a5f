/**
 * AWS Resource Groups Tagging API: the tags of all services in one place.
 *
 * It reads and writes the same tags as the services' own operations. Tag policies and their reports are not there.
 */
import type {
  FailureInfo,
  GetResourcesInput,
  ResourceGroupsTaggingAPIOperations,
  ResourceTagMapping,
} from "../../protocol/generated/resourcegroupstaggingapi.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import { defineService, type RequestContext, type Service } from "../../protocol/service.ts";
import { partitionOf } from "../../resources/arn.ts";
import { decodePaginationToken, encodePaginationToken } from "../../resources/pagination-token.ts";
import { maxTags, tagList } from "../../resources/tags.ts";
import type { RecordChange, RecordStore, TaggedArn, WriteOptions } from "../../storage/record-store.ts";
import { tagChangeAccesses, taggingAccessRules } from "./access-rules.ts";
import { invalidParameter } from "./errors.ts";
import type { BucketOwners, ServiceRules } from "./ports.ts";
import { isOfType, sharedPrefix, TaggedResources } from "./tagged-resources.ts";

export type { BucketOwners, ServiceRules } from "./ports.ts";

export interface TaggingOptions {
  readonly records: RecordStore;
  readonly buckets: BucketOwners;
  readonly services: ServiceRules;
}

/** Resources of a page, unless the request says so. Source: API reference, GetResources. */
const defaultPage = 50;
const maxPage = 100;
/** Keys or values of a page. */
const namesPage = 1000;
/** Resources that one call looks at; a page may hold fewer, and a token, when few of them match. */
const maxLooked = 10_000;

const noPolicies = "there are no tag policies to comply with";

export function taggingService({ records, buckets, services }: TaggingOptions): Service {
  const resources = new TaggedResources({ records, buckets });

  return defineService<ResourceGroupsTaggingAPIOperations>(
    "resourcegroupstaggingapi",
    {
      GetResources: {
        refuses: [
          { parameter: "IncludeComplianceDetails", except: [false], because: noPolicies },
          { parameter: "ExcludeCompliantResources", except: [false], because: noPolicies },
        ],
        handle: (input, context) =>
          input.ResourceARNList === undefined ? pageOfResources(input, context) : named(input, context),
      },

      GetTagKeys: {
        async handle(input, context) {
          const keys = new Set<string>();
          for await (const { tags } of resources.of(context)) for (const key of Object.keys(tags)) keys.add(key);
          const { names, PaginationToken } = pageOfNames(keys, input, ["keys", context.accountId, context.region]);
          return { TagKeys: names, PaginationToken };
        },
      },

      GetTagValues: {
        async handle(input, context) {
          const { Key: key } = input;
          const values = new Set<string>();
          for await (const { tags } of resources.of(context, { tag: { key } })) values.add(tags[key]);
          const query = ["values", context.accountId, context.region, key];
          const { names, PaginationToken } = pageOfNames(values, input, query);
          return { TagValues: names, PaginationToken };
        },
      },

      TagResources: {
        async handle({ ResourceARNList, Tags }, context) {
          const reserved = Object.keys(Tags).find((key) => /^aws:/i.test(key));
          if (reserved !== undefined) {
            throw invalidParameter(`Tag key ${reserved} is not allowed: keys that begin with aws: are reserved`);
          }
          return eachResource(ResourceARNList, context, async (arn) => {
            await context.authorize(...(await tagChangeAccesses(services, arn, { tags: Tags }, context)));
            const count = Object.keys({ ...(await resources.tags(arn)), ...Tags }).length;
            if (count > maxTags)
              throw invalidParameter(`${arn} would have ${count} tags, at most ${maxTags} are allowed`);
            return { op: "tag", arn, tags: Tags };
          });
        },
      },

      UntagResources: {
        handle: ({ ResourceARNList, TagKeys }, context) =>
          eachResource(ResourceARNList, context, async (arn) => {
            await context.authorize(...(await tagChangeAccesses(services, arn, { keys: TagKeys }, context)));
            return { op: "untag", arn, keys: TagKeys };
          }),
      },
    },
    { validationCode: "InvalidParameterException", accesses: taggingAccessRules },
  );

  /** Resources that the request names; those that are not there, or have no tags, are left out. */
  async function named(input: GetResourcesInput, context: RequestContext) {
    const {
      ResourceARNList = [],
      TagFilters,
      ResourceTypeFilters,
      ResourcesPerPage,
      TagsPerPage,
      PaginationToken,
    } = input;
    const others = [TagFilters, ResourceTypeFilters, ResourcesPerPage, TagsPerPage, PaginationToken];
    if (others.some((value) => value !== undefined && value !== "")) {
      throw invalidParameter("ResourceARNList can not be given together with filters or pagination parameters");
    }
    const found: ResourceTagMapping[] = [];
    for (const arn of new Set(ResourceARNList)) {
      const tags = (await resources.belongsTo(arn, context)) ? await resources.tags(arn) : {};
      if (Object.keys(tags).length > 0) found.push(mapping({ arn, tags }));
    }
    return { ResourceTagMappingList: found, PaginationToken: "" };
  }

  async function pageOfResources(input: GetResourcesInput, context: RequestContext) {
    const { TagFilters = [], ResourceTypeFilters: types = [], ResourcesPerPage, TagsPerPage } = input;
    checkFilters(input);
    const most = ResourcesPerPage ?? (TagsPerPage === undefined ? defaultPage : maxPage);
    const query = ["resources", context.accountId, context.region, TagFilters, types];
    const [first] = TagFilters;
    const asked = {
      prefix: sharedPrefix(types, partitionOf(context.region)),
      after: position(input.PaginationToken, query),
      ...(first?.Key === undefined ? {} : { tag: { key: first.Key, values: first.Values ?? [] } }),
    };
    const found: ResourceTagMapping[] = [];
    let [looked, tagCount, last] = [0, 0, ""];
    for await (const tagged of resources.of(context, asked)) {
      const count = Object.keys(tagged.tags).length;
      const matches = isWanted(tagged, TagFilters, types);
      const isFull = found.length >= most || (TagsPerPage !== undefined && tagCount + count > TagsPerPage);
      if ((matches && isFull) || looked >= maxLooked) {
        return { ResourceTagMappingList: found, PaginationToken: encodePaginationToken(query, [last]) };
      }
      looked += 1;
      last = tagged.arn;
      if (!matches) continue;
      tagCount += count;
      found.push(mapping(tagged));
    }
    return { ResourceTagMappingList: found, PaginationToken: "" };
  }

  /** One change per resource; what is wrong with one does not stop the others. */
  async function eachResource(
    arns: readonly string[],
    context: RequestContext,
    changeOf: (arn: string) => Promise<RecordChange>,
  ): Promise<{ FailedResourcesMap: Record<string, FailureInfo> }> {
    const failed: [string, FailureInfo][] = [];
    const changes: RecordChange[] = [];
    for (const arn of new Set(arns)) {
      try {
        // Whoever does not own it is not told whether there is one.
        if (!(await resources.belongsTo(arn, context)) || !(await resources.exists(arn))) {
          throw invalidParameter(`Could not find a resource with the ARN ${arn}`);
        }
        changes.push(await changeOf(arn));
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        const { status: StatusCode, code, message: ErrorMessage } = error;
        failed.push([arn, { StatusCode, ErrorCode: code as FailureInfo["ErrorCode"], ErrorMessage }]);
      }
    }
    if (changes.length > 0) await records.write(changes, writeOptions(context));
    return { FailedResourcesMap: Object.fromEntries(failed) };
  }
}

/** @throws AwsError InvalidParameterException */
function checkFilters({
  TagFilters = [],
  ResourceTypeFilters = [],
  ResourcesPerPage,
  TagsPerPage,
}: GetResourcesInput): void {
  if (ResourcesPerPage !== undefined && (ResourcesPerPage < 1 || ResourcesPerPage > maxPage)) {
    throw invalidParameter(`ResourcesPerPage must be between 1 and ${maxPage}, got ${ResourcesPerPage}`);
  }
  if (TagsPerPage !== undefined && (TagsPerPage < 100 || TagsPerPage > 500 || TagsPerPage % 100 !== 0)) {
    throw invalidParameter(`TagsPerPage must be 100, 200, 300, 400 or 500, got ${TagsPerPage}`);
  }
  if (ResourceTypeFilters.length > maxPage) {
    throw invalidParameter(`ResourceTypeFilters can have ${maxPage} elements, got ${ResourceTypeFilters.length}`);
  }
  const type = ResourceTypeFilters.find((filter) => !/^[a-z0-9-]+(:[A-Za-z0-9-]+)*$/.test(filter));
  if (type !== undefined) throw invalidParameter(`Unsupported resource type: ${type}`);
  if (TagFilters.some(({ Key }) => Key === undefined)) throw invalidParameter("A tag filter needs a Key");
}

/** Filters are all to be met; of the values of one, any. */
function isWanted(
  { arn, tags }: TaggedArn,
  filters: NonNullable<GetResourcesInput["TagFilters"]>,
  types: readonly string[],
): boolean {
  if (types.length > 0 && !types.some((type) => isOfType(arn, type))) return false;
  return filters.every(({ Key = "", Values = [] }) => {
    return Object.hasOwn(tags, Key) && (Values.length === 0 || Values.includes(tags[Key]));
  });
}

function mapping({ arn, tags }: TaggedArn): ResourceTagMapping {
  return { ResourceARN: arn, Tags: tagList(tags) };
}

function pageOfNames(
  all: ReadonlySet<string>,
  { PaginationToken }: { readonly PaginationToken?: string },
  query: unknown,
): { names: string[]; PaginationToken: string } {
  const after = position(PaginationToken, query);
  const left = [...all].toSorted().filter((name) => after === undefined || name > after);
  const names = left.slice(0, namesPage);
  const last = names.at(-1);
  const isLast = last === undefined || names.length === left.length;
  return { names, PaginationToken: isLast ? "" : encodePaginationToken(query, [last]) };
}

/** Where a page begins. @throws AwsError InvalidParameterException for a token of another list */
function position(token: string | undefined, query: unknown): string | undefined {
  if (token === undefined || token === "") return undefined;
  try {
    return decodePaginationToken(token, query, ["string"])[0] as string;
  } catch (cause) {
    throw invalidParameter("The pagination token does not belong to this request", cause);
  }
}

function writeOptions({ principal, operation, requestId, clock }: RequestContext): WriteOptions {
  return { actor: { by: principal.arn, call: `tag:${operation}`, requestId }, at: clock.now() };
}
