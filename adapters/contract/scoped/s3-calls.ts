import { encodeKey, type Pair } from "../../storage/signing/v4.ts";
import { digest } from "../sending/digest.ts";
import type { SignedCall } from "../sending/signed-call.ts";

// Calls of S3's API, one a line: method, path with its query, headers as `name=value`, and `<` a body
// below. Words in capitals are filled in: VICTIM and NEIGHBOUR are objects of others, OWN is one below
// PREFIX, KEY each of them; NEW and ELSEWHERE name nothing.

export const lines = (text: string): ReadonlyArray<string> =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** Of each object, also of one that the credentials have put. */
export const OBJECT_CALLS = lines(`
  GET BUCKET/KEY
  GET BUCKET/KEY range=bytes=0-9
  GET BUCKET/KEY?versionId=VERSION
  GET BUCKET/KEY?partNumber=1
  HEAD BUCKET/KEY
  GET BUCKET/KEY?attributes x-amz-object-attributes=ETag,ObjectSize
  GET BUCKET/KEY?acl
  GET BUCKET/KEY?tagging
  GET BUCKET/KEY?legal-hold
  GET BUCKET/KEY?retention
  GET BUCKET/KEY?torrent
  POST BUCKET/KEY?select&select-type=2 <SELECT
  POST BUCKET/KEY?restore <RESTORE
  PUT BUCKET/KEY?acl x-amz-acl=public-read
  PUT BUCKET/KEY?acl <EVERYBODY
  PUT BUCKET/KEY?tagging <TAGGING
  DELETE BUCKET/KEY?tagging
  PUT BUCKET/KEY?legal-hold <HOLD
  PUT BUCKET/KEY?retention <RETENTION
  PUT BUCKET/PREFIXcopied x-amz-copy-source=/BUCKET/KEY
  POST BUCKET?delete <REMOVAL
  POST BUCKET?delete <VERSIONED
  DELETE BUCKET/KEY?versionId=VERSION
  DELETE BUCKET/KEY
`);

/** Of names outside of the prefix, with or without an object, and with an upload in parts. */
export const ELSEWHERE_CALLS = lines(`
  PUT BUCKET/KEY <CONTENT
  PUT BUCKET/KEY if-none-match=* <CONTENT
  PUT BUCKET/KEY x-amz-write-offset-bytes=0 <CONTENT
  PUT BUCKET/KEY x-amz-copy-source=/BUCKET/OWN
  POST BUCKET/KEY?uploads
  GET BUCKET/KEY?uploadId=UPLOAD
  PUT BUCKET/KEY?partNumber=1&uploadId=UPLOAD <CONTENT
  PUT BUCKET/KEY?partNumber=2&uploadId=UPLOAD x-amz-copy-source=/BUCKET/OWN
  POST BUCKET/KEY?uploadId=UPLOAD <COMPLETION
  DELETE BUCKET/KEY?uploadId=UPLOAD
`);

/** Names that are not below the prefix, however much they look like it. */
export const NEAR_NAMES = lines(`
  NEW
  VICTIM
  NEIGHBOUR
  PLAIN
  PLAINx/a.png
  PLAIN.png
  PLAIN-/a.png
  CREDENTIALS
  CREDENTIALSa.png
  incoming/a.png
  Incoming/TAILa.png
  UPPERa.png
  PLAIN／a.png
  PLAIN∕a.png
  PLAIN⁄a.png
  PLAIN\\a.png
  ｉncoming/TAILa.png
`);

/** With another's upload, under the key of the prefix: it stays as it is. */
export const FOREIGN_UPLOADS = lines(`
  GET BUCKET/OWN?uploadId=UPLOAD
  PUT BUCKET/OWN?partNumber=1&uploadId=UPLOAD <CONTENT
  POST BUCKET/OWN?uploadId=UPLOAD <COMPLETION
  DELETE BUCKET/OWN?uploadId=UPLOAD
`);

/** Spellings of `x-amz-copy-source`: whatever a server makes of them, it copies nothing. */
export const COPY_SOURCES = lines(`
  /BUCKET/VICTIM
  BUCKET/VICTIM
  //BUCKET/VICTIM
  /BUCKET//VICTIM
  /BUCKET/./VICTIM
  ./BUCKET/VICTIM
  %2fBUCKET%2fVICTIM
  BUCKET%2fVICTIM
  %252fBUCKET%252fVICTIM
  /BUCKET/FIRST
  /BUCKET/PREFIX../../../../VICTIM
  /BUCKET/PREFIX%2e%2e/%2e%2e/%2e%2e/%2e%2e/VICTIM
  /BUCKET/PREFIX..%2f..%2f..%2f..%2fVICTIM
  /BUCKET/PREFIX%252e%252e%252f%252e%252e%252f%252e%252e%252f%252e%252e%252fVICTIM
  \\BUCKET\\VICTIM
  /BUCKET/PREFIX..\\..\\..\\..\\VICTIM
  /BUCKET/VICTIM?versionId=VERSION
  /BUCKET/VICTIM?versionId=null
  /BUCKET/VICTIM%3FversionId=VERSION
  /BUCKET/VICTIM#PREFIX
  /BUCKET/NEIGHBOUR
  /BUCKET/OWN
  BUCKET/OWN
  /BUCKET/OWN?versionId=null
  /ELSEWHERE/VICTIM
  /ELSEWHERE/../BUCKET/VICTIM
  arn:aws:s3:::BUCKET/VICTIM
  arn:aws:s3:us-east-1:000000000000:accesspoint/BUCKET/object/VICTIM
  arn:aws:s3:us-east-1:000000000000:accesspoint/BUCKET/object/OWN
  ENDPOINT/BUCKET/VICTIM
  /.minio.sys/config/config.json
`);

/** Calls in which a copy source stands, as SOURCE. */
export const COPYING_CALLS = lines(`
  PUT BUCKET/COPY x-amz-copy-source=SOURCE
  PUT BUCKET/COPY X-AMZ-Copy-Source=SOURCE x-amz-metadata-directive=REPLACE
  PUT BUCKET/COPY?x-amz-copy-source=SOURCE <CONTENT
  PUT BUCKET/COPY?renameObject x-amz-rename-source=SOURCE
  PUT BUCKET/OWN?partNumber=1&uploadId=MINE x-amz-copy-source=SOURCE x-amz-copy-source-range=bytes=0-4
`);

/** Paths as they go over the wire, behind `/BUCKET/`: whatever a server reads, it leads nowhere else. */
export const SPELLED_PATHS = lines(`
  PREFIX../../../../VICTIM
  PREFIX./../../../../VICTIM
  PREFIXa/../../../../../VICTIM
  PREFIX%2e%2e/%2e%2e/%2e%2e/%2e%2e/VICTIM
  PREFIX%2E./.%2E/%2E./.%2E/VICTIM
  PREFIX..%2f..%2f..%2f..%2fVICTIM
  PREFIX%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fVICTIM
  PREFIX%252e%252e%252f%252e%252e%252f%252e%252e%252f%252e%252e%252fVICTIM
  PREFIX..%252f..%252f..%252f..%252fVICTIM
  PREFIX..%5c..%5c..%5c..%5cVICTIM
  PREFIX..;/..;/..;/..;/VICTIM
  PREFIX%c0%ae%c0%ae/%c0%ae%c0%ae/%c0%ae%c0%ae/%c0%ae%c0%ae/VICTIM
  PREFIX..%c0%af..%c0%af..%c0%af..%c0%afVICTIM
  PREFIX../OTHER/a.png
  PLAIN%2f..%2fOTHER%2fa.png
  PLAIN%00/../OTHER/a.png
  PREFIX//../../OTHER/a.png
  /VICTIM
  ./VICTIM
  %2fVICTIM
  FIRST
  VICTIM%00.png
  VICTIM%20
  VICTIM/
  ../BUCKET/VICTIM
  PREFIX../../../../../.minio.sys/config/config.json
`);

export const SPELLED_CALLS = lines(`
  GET BUCKET/KEY
  PUT BUCKET/KEY <CONTENT
  POST BUCKET/KEY?uploads
  DELETE BUCKET/KEY
`);

/** Lists of more than the prefix. */
export const REFUSED_LISTS = lines(`
  GET BUCKET
  GET BUCKET?list-type=2
  GET BUCKET?prefix=
  GET BUCKET?delimiter=/
  GET BUCKET?list-type=2&prefix=&delimiter=/
  GET BUCKET?list-type=2&prefix=i
  GET BUCKET?prefix=incoming/
  GET BUCKET?list-type=2&prefix=incoming/&encoding-type=url
  GET BUCKET?prefix=CREDENTIALS
  GET BUCKET?list-type=2&prefix=CREDENTIALS&delimiter=/
  GET BUCKET?prefix=PLAIN
  GET BUCKET?list-type=2&prefix=PLAINx/
  GET BUCKET?prefix=orgs/ORG/
  GET BUCKET?list-type=2&prefix=orgs/ORG/&start-after=PREFIX
  GET BUCKET?list-type=2&start-after=PREFIX
  GET BUCKET?marker=PREFIX
  GET BUCKET?prefix=*
  GET BUCKET?versions
  GET BUCKET?versions&prefix=orgs/ORG/
  GET BUCKET?uploads
  GET BUCKET?uploads&prefix=CREDENTIALS
  GET BUCKET?list-type=2&metadata=true
  GET BUCKET prefix=PREFIX
  GET BUCKET?prefix=orgs/ORG/ prefix=PREFIX
  GET BUCKET?list-type=2&Prefix=PREFIX
  GET ELSEWHERE?prefix=PREFIX
`);

/** Lists that may be answered, with names below the prefix. */
export const BOUND_LISTS = lines(`
  GET BUCKET?prefix=PREFIX
  GET BUCKET?prefix=PREFIX&delimiter=/&encoding-type=url
  GET BUCKET?list-type=2&prefix=PREFIX
  GET BUCKET?list-type=2&prefix=PREFIX&delimiter=
  GET BUCKET?list-type=2&prefix=PREFIX&start-after=a
  GET BUCKET?list-type=2&prefix=PREFIX&continuation-token=TOKEN
  GET BUCKET?marker=a&prefix=PREFIX
  GET BUCKET?prefix=PREFIX../
  GET BUCKET?prefix=PREFIX../../../../orgs/ORG/
  GET BUCKET?prefix=PREFIX*
  GET BUCKET?prefix=PREFIX&prefix=orgs/ORG/
  GET BUCKET?prefix=orgs/ORG/&prefix=PREFIX
  GET BUCKET?prefix=PREFIX&Prefix=orgs/ORG/
  GET BUCKET?versions&prefix=PREFIX
  GET BUCKET?versions&prefix=PREFIX&key-marker=a
  GET BUCKET?uploads&prefix=PREFIX
  GET BUCKET?uploads&prefix=PREFIX&key-marker=a
`);

/**
 * Settings of a bucket, and what would change least if it were written; undefined if it cannot be
 * removed again.
 */
export const SUBRESOURCES: Readonly<Record<string, string | undefined>> = {
  policy:
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/NEW"}]}',
  lifecycle:
    "<LifecycleConfiguration><Rule><ID>a</ID><Status>Disabled</Status><Filter><Prefix>NEW</Prefix></Filter><Expiration><Days>999</Days></Expiration></Rule></LifecycleConfiguration>",
  cors: "<CORSConfiguration><CORSRule><AllowedOrigin>https://valetkey.invalid</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>",
  encryption:
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
  replication: "<ReplicationConfiguration/>",
  ownershipControls:
    "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
  publicAccessBlock:
    "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>",
  tagging: "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
  // MinIO answers that it has removed what it never has.
  website: undefined,
  versioning: undefined,
  notification: undefined,
  logging: undefined,
  "object-lock": undefined,
  acl: undefined,
  accelerate: undefined,
  requestPayment: undefined,
  inventory: undefined,
  analytics: undefined,
  metrics: undefined,
  "intelligent-tiering": undefined,
  policyStatus: undefined,
};

/**
 * What a server may tell: that a bucket is there, and where; MinIO names the service accounts of the
 * key that gave the credentials, which no policy forbids.
 */
export const HARMLESS_CALLS = lines(`
  HEAD BUCKET
  GET BUCKET?location
  GET minio/admin/v3/accountinfo
  GET minio/admin/v3/list-service-accounts
`);

/** Buckets themselves, and the server. */
export const REFUSED_CALLS = lines(`
  PUT BUCKET
  DELETE BUCKET
  PUT ELSEWHERE
  GET ELSEWHERE
  HEAD ELSEWHERE
  DELETE ELSEWHERE
  GET ELSEWHERE/VICTIM
  PUT ELSEWHERE/PREFIXa.png <CONTENT
  PUT BUCKETx/PREFIXa.png <CONTENT
  PUT BUCKET.x/PREFIXa.png <CONTENT
  GET VICTIM host=BUCKET.HOST
  PUT NEW host=BUCKET.HOST <CONTENT
  PUT PREFIXa.png host=ELSEWHERE.HOST <CONTENT
  PUT ELSEWHERE/PREFIXa.png host=BUCKET.HOST <CONTENT
  GET BUCKET/VICTIM host=ELSEWHERE.HOST
  GET BUCKET/VICTIM x-forwarded-host=BUCKET.HOST
  GET .minio.sys?prefix=config/
  GET .minio.sys/config/config.json
  PUT .minio.sys/config/iam/a <CONTENT
  GET minio/admin/v3/info
  GET minio/admin/v3/list-users
  GET minio/admin/v3/list-canned-policies
  GET minio/admin/v3/export-iam
  GET minio/admin/v3/export-bucket-metadata?bucket=BUCKET
  GET minio/admin/v3/get-bucket-quota?bucket=BUCKET
  PUT minio/admin/v3/add-user?accessKey=valetkey-attack <CONTENT
  GET minio/metrics/v3
  GET admin/user?uid=valetkey
  GET admin/bucket?bucket=BUCKET
  GET admin/metadata/user
`);

/** To the service of roles and users, where it is behind the same address. */
export const IAM_CALLS = lines(`
  sts AssumeRole DurationSeconds=43200
  sts AssumeRole DurationSeconds=43200 Policy=EVERYTHING
  sts AssumeRole RoleArn=arn:aws:iam::000000000000:role/valetkey RoleSessionName=a
  sts GetSessionToken DurationSeconds=43200
  sts GetFederationToken Name=a Policy=EVERYTHING
  iam ListUsers
  iam ListAccessKeys
  iam CreateUser UserName=valetkey-attack
  iam CreateAccessKey UserName=valetkey-attack
  iam PutUserPolicy UserName=valetkey-attack PolicyName=a PolicyDocument=EVERYTHING
`);

/** Headers of a PUT, besides those that no URL may have; INSTANT as there. */
export const HEADERS = [
  { "x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "INSTANT" },
  { "x-amz-object-lock-legal-hold": "ON" },
  { "x-amz-bypass-governance-retention": "true" },
  { "x-amz-acl": "public-read-write" },
  { "x-amz-meta-valetkey-grant": "a" },
  { "x-amz-replication-status": "REPLICA" },
  { "x-minio-source-replication-request": "true", "x-minio-source-mtime": "2001-01-01T00:00:00Z" },
  { "x-minio-source-deletemarker": "true" },
  { "x-minio-source-version-id": "00000000-0000-4000-8000-000000000000" },
  { "x-minio-extract": "true" },
];

export const CONTENT = "what a tool has uploaded";

const BODIES: Readonly<Record<string, string>> = {
  CONTENT,
  SELECT:
    "<SelectObjectContentRequest><Expression>select * from S3Object</Expression><ExpressionType>SQL</ExpressionType><InputSerialization><CSV/></InputSerialization><OutputSerialization><CSV/></OutputSerialization></SelectObjectContentRequest>",
  RESTORE: "<RestoreRequest><Days>1</Days></RestoreRequest>",
  EVERYBODY:
    '<AccessControlPolicy><Owner><ID>a</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>',
  TAGGING: "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
  HOLD: "<LegalHold><Status>ON</Status></LegalHold>",
  RETENTION:
    "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2033-12-01T16:00:00Z</RetainUntilDate></Retention>",
  REMOVAL: "<Delete><Object><Key>KEY</Key></Object></Delete>",
  VERSIONED: "<Delete><Object><Key>KEY</Key><VersionId>VERSION</VersionId></Object></Delete>",
  COMPLETION:
    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>ETAG</ETag></Part></CompleteMultipartUpload>",
  EVERYTHING:
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
};

export type Values = Readonly<Record<string, string>>;

export const fill = (text: string, values: Values): string =>
  text.replaceAll(/[A-Z]{3,}/g, (word) => values[word] ?? BODIES[word] ?? word);

/** Reads a line; its path is encoded as a key is, unless it stays as it is written. */
export function callIn(line: string, values: Values, how?: "as written"): SignedCall {
  const [method = "", target = "", ...rest] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  const filled = fill(path, values);
  const bodies = rest.filter((each) => each.startsWith("<"));
  const body = bodies.length > 0 ? fill(fill(`${bodies[0]?.slice(1)}`, {}), values) : undefined;
  const headers = rest.filter((each) => !each.startsWith("<")).map((each) => pairIn(each, values));
  return {
    method,
    path: `/${how === undefined ? encodeKey(filled) : filled}`,
    query: query === "" ? [] : query.split("&").map((each) => pairIn(each, values)),
    headers: {
      ...Object.fromEntries(headers),
      // Calls whose body is XML need it.
      ...(body !== undefined && { "content-md5": digest("md5", Buffer.from(body)) }),
    },
    body: body ?? (method === "PUT" || method === "POST" ? "" : undefined),
  };
}

function pairIn(text: string, values: Values): Pair {
  const [name = "", ...value] = text.split("=");
  return [name, fill(value.join("="), values)];
}

/** A call of the service of roles and users. */
export function iamCallIn(line: string): SignedCall {
  const [service = "", Action = "", ...rest] = line.split(" ");
  const Version = service === "iam" ? "2010-05-08" : "2011-06-15";
  const members = { Action, Version, ...Object.fromEntries(rest.map((each) => pairIn(each, {}))) };
  const body = `${new URLSearchParams(members)}`;
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", path: "/", headers, body, service };
}
