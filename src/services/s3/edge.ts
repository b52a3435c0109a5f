/** What S3 does beside its API: websites, forms of browsers, and CORS. */
import type { ServiceEdge } from "../../protocol/service.ts";
import { addCorsHeaders, answerPreflight } from "./cross-origin.ts";
import { placeOf } from "./edge-context.ts";
import { isPostForm, postForm, type PostFormParts } from "./post-form/post-form.ts";
import { visitWebsite, websiteAddress, type WebsiteParts } from "./website/website.ts";

export interface EdgeParts extends WebsiteParts, PostFormParts {}

export function s3Edge(parts: EdgeParts): ServiceEdge {
  const { objects } = parts;
  return {
    async handle(request) {
      const address = websiteAddress(request);
      if (address !== undefined) return visitWebsite(parts, address, request);
      if (request.method === "OPTIONS") {
        const place = placeOf(request);
        return place && answerPreflight(objects, request, place);
      }
      if (!isPostForm(request)) return undefined;
      const place = placeOf(request);
      return place && postForm(parts, place.bucket, request);
    },

    async decorate(request, response) {
      // Only pages of other origins say where they come from; nobody else costs a look at the bucket.
      if (request.headers["origin"] === undefined) return;
      const place = placeOf(request);
      const bucket = place && (await objects.bucket(place.bucket));
      addCorsHeaders(bucket?.settings.cors, request, response);
    },
  };
}
