/** What a host name says of S3: the bucket of a virtual-host request, or the bucket of a website. */

/** Longer names are no DNS names, and are not looked at. */
const maxHostName = 253;

const awsDomains = [".amazonaws.com.cn", ".amazonaws.com"];
const localDomain = ".localhost";
const region = "[a-z]{2}(?:-[a-z]+)+-\\d{1,2}";
const apiName = new RegExp(`^(.+)\\.s3(?:[.-](?:dualstack\\.)?${region}|-accelerate|-external-1)?$`);
const websiteName = new RegExp(`^(.+)\\.s3-website(?:[.-]${region})?$`);

/**
 * The bucket of `bucket.s3.us-east-1.amazonaws.com`, `bucket.s3.localhost`, `bucket.localhost`.
 * @param name a host without its port, lower-cased
 * @returns undefined for a path-style host and for a website's
 */
export function bucketOfApiHost(name: string): string | undefined {
  const front = frontOf(name);
  if (front === undefined) return undefined;
  const bucket = apiName.exec(front)?.[1];
  if (bucket !== undefined || !name.endsWith(localDomain)) return bucket;
  // Everything in front of .localhost is a bucket, except the names of the services themselves.
  return /(?:^|\.)s3(?:-website)?(?:[.-]|$)/.test(front) ? undefined : front;
}

/**
 * The bucket of `bucket.s3-website-us-east-1.amazonaws.com`, `bucket.s3-website.eu-central-1.amazonaws.com`,
 * `bucket.s3-website.localhost`, `bucket.s3-website-us-east-1.localhost`.
 * @param name a host without its port, lower-cased
 */
export function bucketOfWebsiteHost(name: string): string | undefined {
  return websiteName.exec(frontOf(name) ?? "")?.[1];
}

/** What stands before the domain that S3 has. */
function frontOf(name: string): string | undefined {
  if (name.length > maxHostName) return undefined;
  const domain = [...awsDomains, localDomain].find((each) => name.endsWith(each));
  return domain === undefined ? undefined : name.slice(0, -domain.length);
}

/** Without the port, lower-cased. */
export function nameOfHost(host: string): string {
  return host.replace(/:\d{1,5}$/, "").toLowerCase();
}
