import { lines } from "./s3-calls.ts";

// Calls of the APIs of Azure and Google, one a line, as those of S3's API are. VICTIM and NEIGHBOUR
// are objects of others, OWN is one below PREFIX, KEY each of them; NEW and COPY name nothing.

export interface Calls {
  readonly put: string;
  /** Writes under a name that may lead elsewhere; it is undone, since some names are never removed. */
  readonly begin: string;
  /** Of each object: its own, of which nothing is overwritten, and those of others. */
  readonly object: ReadonlyArray<string>;
  /** Of a name outside of the prefix. */
  readonly elsewhere: ReadonlyArray<string>;
  readonly copies: ReadonlyArray<string>;
  readonly lists: ReadonlyArray<string>;
  /** A list that may be answered, with what is below the prefix. */
  readonly ownList: string;
  readonly settings: ReadonlyArray<string>;
  /** Of a new name below the prefix, after which it can be removed. */
  readonly headers: ReadonlyArray<string>;
}

export const CALLS: Readonly<Record<"azure" | "gcs", Calls>> = {
  azure: {
    put: "PUT BUCKET/KEY x-ms-blob-type=BlockBlob <CONTENT",
    begin: "PUT BUCKET/KEY x-ms-blob-type=BlockBlob <CONTENT",
    object: lines(`
      GET BUCKET/KEY
      HEAD BUCKET/KEY
      GET BUCKET/KEY?comp=metadata
      GET BUCKET/KEY?comp=tags
      GET BUCKET/KEY?comp=blocklist&blocklisttype=all
      GET BUCKET/KEY?comp=pagelist
      POST BUCKET/KEY?comp=query <CONTENT
      PUT BUCKET/KEY x-ms-blob-type=BlockBlob <CONTENT
      PUT BUCKET/KEY?comp=blocklist <NOTHING
      PUT BUCKET/KEY?comp=appendblock <CONTENT
      PUT BUCKET/KEY?comp=page x-ms-page-write=clear x-ms-range=bytes=0-511
      PUT BUCKET/KEY?comp=metadata x-ms-meta-a=b
      PUT BUCKET/KEY?comp=properties x-ms-blob-content-type=text/html
      PUT BUCKET/KEY?comp=tags <TAGS
      PUT BUCKET/KEY?comp=tier x-ms-access-tier=Archive
      PUT BUCKET/KEY?comp=lease x-ms-lease-action=acquire x-ms-lease-duration=-1
      PUT BUCKET/KEY?comp=expiry x-ms-expiry-option=RelativeToNow x-ms-expiry-time=1000
      PUT BUCKET/KEY?comp=immutabilityPolicies x-ms-immutability-policy-mode=Unlocked
      PUT BUCKET/KEY?comp=legalhold x-ms-legal-hold=true
      PUT BUCKET/KEY?comp=undelete
      PATCH BUCKET/KEY?action=setAccessControl x-ms-acl=other::rwx
      PATCH BUCKET/KEY?action=setProperties x-ms-properties=a=Yg==
      DELETE BUCKET/KEY x-ms-delete-snapshots=include
      DELETE BUCKET/KEY
    `),
    elsewhere: lines(`
      PUT BUCKET/KEY x-ms-blob-type=BlockBlob <CONTENT
      PUT BUCKET/KEY x-ms-blob-type=AppendBlob
      PUT BUCKET/KEY x-ms-blob-type=PageBlob x-ms-blob-content-length=512
      PUT BUCKET/KEY?comp=block&blockid=MDAx <CONTENT
      PUT BUCKET/KEY?comp=blocklist <BLOCKS
      PUT BUCKET/KEY?comp=snapshot
      PUT BUCKET/KEY x-ms-copy-source=ENDPOINT/BUCKET/OWN
      PUT BUCKET/KEY?resource=directory
      PUT BUCKET/KEY x-ms-rename-source=/BUCKET/OWN
    `),
    copies: lines(`
      PUT BUCKET/COPY x-ms-copy-source=ENDPOINT/BUCKET/KEY
      PUT BUCKET/COPY x-ms-copy-source=ENDPOINT/BUCKET/KEY?SAS
      PUT BUCKET/COPY x-ms-copy-source=ENDPOINT/BUCKET/KEY?SAS x-ms-requires-sync=true
      PUT BUCKET/COPY x-ms-copy-source=ENDPOINT/BUCKET/KEY?SAS x-ms-blob-type=BlockBlob
      PUT BUCKET/COPY?comp=block&blockid=MDAx x-ms-copy-source=ENDPOINT/BUCKET/KEY?SAS
      PUT BUCKET/COPY?comp=incrementalcopy x-ms-copy-source=ENDPOINT/BUCKET/KEY
      PUT BUCKET/COPY x-ms-rename-source=/BUCKET/KEY
    `),
    lists: lines(`
      GET BUCKET?restype=container&comp=list
      GET BUCKET?restype=container&comp=list&delimiter=/
      GET BUCKET?restype=container&comp=list&prefix=PLAIN
      GET BUCKET?restype=container&comp=list&prefix=CREDENTIALS
      GET BUCKET?restype=container&comp=list&prefix=VICTIM
      GET BUCKET?restype=container&comp=list&prefix=UPPER
      GET BUCKET?restype=container&comp=list&include=deleted,versions,uncommittedblobs
      GET BUCKET?resource=filesystem&recursive=true
      GET BUCKET?resource=filesystem&recursive=true&directory=CREDENTIALS
      GET BUCKET?restype=container&comp=blobs&where=a='b'
    `),
    ownList: "GET BUCKET?restype=container&comp=list&prefix=PREFIX",
    settings: lines(`
      GET BUCKET?restype=container
      GET BUCKET?restype=container&comp=metadata
      PUT BUCKET?restype=container&comp=metadata x-ms-meta-a=b
      GET BUCKET?restype=container&comp=acl
      PUT BUCKET?restype=container&comp=acl x-ms-blob-public-access=blob
      PUT BUCKET?restype=container&comp=lease x-ms-lease-action=acquire x-ms-lease-duration=15
      PUT ELSEWHERE?restype=container
      PUT ELSEWHERE/PREFIXa x-ms-blob-type=BlockBlob <CONTENT
      DELETE ELSEWHERE?restype=container
      POST BUCKET?restype=container&comp=batch <CONTENT
      GET ?comp=list
      GET ?restype=service&comp=properties
      PUT ?restype=service&comp=properties <CORS
      GET ?restype=service&comp=stats
      POST ?restype=service&comp=userdelegationkey <CONTENT
    `),
    headers: lines(`
      PUT BUCKET/KEY x-ms-blob-type=BlockBlob x-ms-legal-hold=true <CONTENT
      PUT BUCKET/KEY x-ms-blob-type=BlockBlob x-ms-tags=a=b <CONTENT
      PUT BUCKET/KEY x-ms-blob-type=BlockBlob x-ms-access-tier=Archive <CONTENT
      PUT BUCKET/KEY x-ms-blob-type=BlockBlob x-ms-acl=other::rwx <CONTENT
      PUT BUCKET/KEY x-ms-blob-type=BlockBlob x-ms-lease-action=acquire <CONTENT
    `),
  },
  gcs: {
    put: "PUT BUCKET/KEY <CONTENT",
    begin: "POST BUCKET/KEY?uploads",
    object: lines(`
      GET BUCKET/KEY
      HEAD BUCKET/KEY
      GET BUCKET/KEY?acl
      GET BUCKET/KEY?tagging
      PUT BUCKET/KEY <CONTENT
      PUT BUCKET/KEY?acl x-goog-acl=public-read
      DELETE BUCKET/KEY
      GET storage/v1/b/BUCKET/o/KEY
      GET storage/v1/b/BUCKET/o/KEY?alt=media
      GET download/storage/v1/b/BUCKET/o/KEY?alt=media
      GET storage/v1/b/BUCKET/o/KEY/acl
      GET storage/v1/b/BUCKET/o/KEY/iam
      POST upload/storage/v1/b/BUCKET/o?uploadType=media&name=KEY <CONTENT
      POST storage/v1/b/BUCKET/o/KEY/acl content-type=application/json <PUBLIC
      PATCH storage/v1/b/BUCKET/o/KEY content-type=application/json <METADATA
      PUT storage/v1/b/BUCKET/o/KEY content-type=application/json <METADATA
      POST storage/v1/b/BUCKET/o/KEY/restore?generation=1
      POST storage/v1/b/BUCKET/o/KEY/compose content-type=application/json <COMPOSE
      POST storage/v1/b/BUCKET/o/KEY/moveTo/o/PREFIXmoved
      DELETE storage/v1/b/BUCKET/o/KEY
    `),
    elsewhere: lines(`
      PUT BUCKET/KEY <CONTENT
      POST BUCKET/KEY?uploads
      POST BUCKET/KEY x-goog-resumable=start
      PUT BUCKET/KEY x-goog-copy-source=/BUCKET/OWN
      POST upload/storage/v1/b/BUCKET/o?uploadType=media&name=KEY <CONTENT
      POST upload/storage/v1/b/BUCKET/o?uploadType=resumable&name=KEY
      POST storage/v1/b/BUCKET/o/OWN/rewriteTo/b/BUCKET/o/KEY
      POST storage/v1/b/BUCKET/o/OWN/copyTo/b/BUCKET/o/KEY
      POST storage/v1/b/BUCKET/o/KEY/compose content-type=application/json <COMPOSE
    `),
    copies: lines(`
      PUT BUCKET/COPY x-goog-copy-source=/BUCKET/KEY
      PUT BUCKET/COPY x-amz-copy-source=/BUCKET/KEY
      POST storage/v1/b/BUCKET/o/KEY/rewriteTo/b/BUCKET/o/COPY
      POST storage/v1/b/BUCKET/o/KEY/copyTo/b/BUCKET/o/COPY
      POST storage/v1/b/BUCKET/o/KEY/moveTo/o/COPY
      POST storage/v1/b/BUCKET/o/COPY/compose content-type=application/json <COMPOSE
    `),
    lists: lines(`
      GET BUCKET
      GET BUCKET?list-type=2
      GET BUCKET?list-type=2&prefix=PLAIN
      GET BUCKET?prefix=CREDENTIALS
      GET BUCKET?versions&prefix=VICTIM
      GET BUCKET?uploads
      GET storage/v1/b/BUCKET/o
      GET storage/v1/b/BUCKET/o?prefix=
      GET storage/v1/b/BUCKET/o?prefix=PLAIN
      GET storage/v1/b/BUCKET/o?prefix=CREDENTIALS
      GET storage/v1/b/BUCKET/o?versions=true&delimiter=/
      GET storage/v1/b/BUCKET/managedFolders
      GET storage/v1/b/BUCKET/folders
    `),
    ownList: "GET storage/v1/b/BUCKET/o?prefix=PREFIX",
    settings: lines(`
      HEAD BUCKET
      GET BUCKET?acl
      PUT BUCKET?acl x-goog-acl=public-read
      GET BUCKET?lifecycle
      PUT BUCKET?lifecycle <CONTENT
      PUT ELSEWHERE
      PUT ELSEWHERE/PREFIXa <CONTENT
      DELETE ELSEWHERE
      GET storage/v1/b/BUCKET
      GET storage/v1/b/BUCKET/iam
      PUT storage/v1/b/BUCKET/iam content-type=application/json <PUBLIC
      PATCH storage/v1/b/BUCKET content-type=application/json <METADATA
      POST storage/v1/b/BUCKET/notificationConfigs content-type=application/json <METADATA
      DELETE storage/v1/b/ELSEWHERE
    `),
    headers: lines(`
      PUT BUCKET/KEY x-goog-acl=public-read <CONTENT
      PUT BUCKET/KEY x-goog-storage-class=ARCHIVE <CONTENT
      PUT BUCKET/KEY x-goog-object-lock-mode=GOVERNANCE x-goog-object-lock-retain-until-date=2099-01-01T00:00:00Z <CONTENT
    `),
  },
};

/** Names outside of the prefix. */
export const NEAR = lines(`
  NEW
  VICTIM
  NEIGHBOUR
  PLAIN.png
  PLAINx/a.png
  PLAIN-/a.png
  CREDENTIALSa.png
  incoming/a.png
  UPPERa.png
`);

/** Spellings of NEW, from below the prefix: whatever a server reads, they lead nowhere else. */
export const SPELLED = lines(`
  PREFIX../../../../NEW
  PREFIX%2e%2e/%2e%2e/%2e%2e/%2e%2e/NEW
  PREFIX..%2f..%2f..%2f..%2fNEW
  PREFIX%252e%252e%252f%252e%252e%252f%252e%252e%252f%252e%252e%252fNEW
  PREFIX./.././../.././../NEW
  PREFIX..\\..\\..\\..\\NEW
`);

export const CONTENT = "some content";

export const BODIES = {
  CONTENT,
  NOTHING: "<BlockList></BlockList>",
  BLOCKS: "<BlockList><Latest>MDAx</Latest></BlockList>",
  TAGS: "<Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>",
  CORS: "<StorageServiceProperties></StorageServiceProperties>",
  PUBLIC: '{"entity":"allUsers","role":"READER"}',
  METADATA: '{"metadata":{"a":"b"}}',
  COMPOSE: '{"sourceObjects":[{"name":"KEY"}],"destination":{"contentType":"text/html"}}',
};
