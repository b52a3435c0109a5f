/** Queries that people keep under a name. */
import { randomUUID } from "node:crypto";
import { AwsError } from "../../../protocol/aws-error.ts";
import type { CloudWatchLogsOperations } from "../../../protocol/generated/logs.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import type { RecordKey, RecordStore, StoredRecord } from "../../../storage/record-store.ts";
import { limitExceeded } from "../errors.ts";
import { families, type LogSpace } from "../records.ts";
import { actorOf, decodeToken, encodeToken } from "./lookups.ts";
import { commandsOf } from "./log-queries.ts";

interface DefinitionBody {
  readonly name: string;
  readonly queryString: string;
  readonly logGroupNames: readonly string[];
}

/** In one account and region; so all of them can be looked at. */
const mostDefinitions = 1000;

const language = {
  parameter: "queryLanguage",
  except: ["CWLI"],
  because: "queries are written in the language of Insights",
};

export function queryDefinitionOperations({ records }: { records: RecordStore }) {
  return {
    PutQueryDefinition: {
      refuses: [language, { parameter: "parameters", because: "queries have no parameters" }],
      async handle(input, context) {
        commandsOf(input.queryString);
        const body: DefinitionBody = {
          name: input.name,
          queryString: input.queryString,
          logGroupNames: input.logGroupNames ?? [],
        };
        const { queryDefinitionId: known } = input;
        if (known !== undefined) await require(known, context);
        else if ((await all(context)).length >= mostDefinitions) {
          throw limitExceeded(`There are ${mostDefinitions} query definitions already.`);
        }
        const queryDefinitionId = known ?? randomUUID();
        await records.write([{ op: "put", key: keyOf(context, queryDefinitionId), body }], options(context));
        return { queryDefinitionId };
      },
    },

    DescribeQueryDefinitions: {
      refuses: [language],
      async handle(input, context) {
        const prefix = input.queryDefinitionNamePrefix ?? "";
        const matching = (await all(context)).filter(({ body }) => body.name.startsWith(prefix));
        const from = input.nextToken === undefined ? 0 : decodeToken(input.nextToken, { from: "number" }).from;
        const end = from + (input.maxResults ?? mostDefinitions);
        return {
          queryDefinitions: matching.slice(from, end).map(({ name, body, updatedAt }) => ({
            queryLanguage: "CWLI" as const,
            queryDefinitionId: name,
            name: body.name,
            queryString: body.queryString,
            lastModified: updatedAt,
            logGroupNames: [...body.logGroupNames],
          })),
          ...(end < matching.length ? { nextToken: encodeToken({ from: end }) } : {}),
        };
      },
    },

    DeleteQueryDefinition: {
      async handle({ queryDefinitionId }, context) {
        await require(queryDefinitionId, context);
        const change = { op: "delete", key: keyOf(context, queryDefinitionId), ifExists: true } as const;
        await records.write([change], options(context));
        return { success: true };
      },
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;

  /** By their names. */
  async function all({ accountId, region }: LogSpace): Promise<StoredRecord<DefinitionBody>[]> {
    const { records: found } = await records.list<DefinitionBody>({
      accountId,
      region,
      family: families.queryDefinition,
      limit: mostDefinitions,
    });
    return [...found].sort((a, b) => (a.body.name < b.body.name ? -1 : a.body.name > b.body.name ? 1 : 0));
  }

  async function require(id: string, space: LogSpace): Promise<void> {
    if ((await records.get(keyOf(space, id))) !== undefined) return;
    throw new AwsError("ResourceNotFoundException", `The query definition ${id} does not exist.`);
  }

  function keyOf({ accountId, region }: LogSpace, id: string): RecordKey {
    return { accountId, region, family: families.queryDefinition, name: id };
  }

  function options(context: RequestContext) {
    return { actor: actorOf(context), at: context.clock.now() };
  }
}
