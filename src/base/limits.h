#pragma once
/*
 * Every limit of the program, each with its reason. Sizes in bytes, times in
 * the unit of the name. What an operator may change is in tenure.conf, within
 * bounds that stand there; where one is here too, it is the default.
 */

/* --- names and texts --- */
#define NAME_MAX_LEN 63 /* fleets, owners, authorities: fits a DNS label, a file name, a path */
#define ELEMENT_SERIAL_MAX 64 /* hex or text of an element's serial; ATECC608 uses 18 */
#define REASON_TEXT_MAX 255   /* free words of an operator */

/* --- DER from outside --- */
#define CSR_SIZE_MAX 8192	   /* a P-256 request is 300 bytes, RSA-4096 with names 2 KiB */
#define CERTIFICATE_SIZE_MAX 16384 /* foreign certificates with long policies */
#define DER_DEPTH_MAX 16	   /* PKCS#10 needs 8 */
#define SERIAL_MAX_LEN 20	   /* RFC 5280 4.1.2.2 */
#define OCSP_REQUEST_MAX 2048	   /* RFC 6960 with a nonce of 128 octets needs 300 */
#define OCSP_NONCE_MAX 128	   /* RFC 9654 2.1 */
#define CHAIN_LEN_MAX 8

/* --- JSON --- */
#define JSON_DEPTH_MAX 16
#define JSON_MEMBERS_MAX \
	256 /* of one object: each is compared with each, so that none stands twice */
#define JSON_BODY_MAX (1 << 20)	      /* one API request that is not a bulk one */
#define MANIFEST_ENTRY_MAX (64 << 10) /* a full entry with two certificates is 7 KiB */

/* --- policies --- */
#define CERTIFICATE_LIFETIME_MIN_S 60 /* demonstrations; a device must have time to renew */
#define CERTIFICATE_LIFETIME_MAX_S \
	(INT64_C(10) * 366 * 86400)	   /* longer, and it is a birth identity */
#define OFFER_LIFETIME_MIN_S 60		   /* time to type a code */
#define OFFER_LIFETIME_MAX_S (366 * 86400) /* an offer that nobody remembers must end */
#define EST_RETRY_MIN_S 1		   /* of an answer "later": demonstrations */
#define EST_RETRY_MAX_S 86400 /* a device that is asked for tomorrow is as good as refused */
#define RETURN_PROOF_S 3600   /* how recent a device's own proof at the desk must be */

/* --- the ledger (C2SP tlog-tiles: an entry is at most 65,535 bytes) --- */
#define LEDGER_ENTRY_MAX 4096

/* --- requests --- */
#define REQUEST_ARENA_MAX (8 << 20)
#define HTTP_HEADER_MAX (16 << 10)
#define HTTP_HEADER_COUNT_MAX 64
#define HTTP_TARGET_MAX 4096
#define HTTP_CHUNK_LINE_MAX 256	      /* a chunk's size and its extensions, which nobody uses */
#define HTTP_REPLY_HEAD_MAX (8 << 10) /* of a reply; what clients commonly take */
#define HTTP_REPLY_MAX (64 << 20)     /* built in memory; what is larger is a file */
#define PROXY_HEADER_MAX 1024	      /* addresses, and what balancers say of TLS and themselves */
/* What tenure.conf can change has its default here; the file's own table says the same in words, and a test holds them together. */
#define HTTP_QUEUE_MAX 512		  /* requests that wait for a worker */
#define HTTP_CONNECTIONS_MAX 10000	  /* open at a time; idle ones go for new ones */
#define HTTP_BACKLOG 1024		  /* that the kernel holds until they are taken */
#define HTTP_HANDSHAKE_MS 10000		  /* with the PROXY protocol before it */
#define HTTP_HEADER_MS 10000		  /* of a request, from its first byte */
#define HTTP_BODY_MS 60000		  /* without any byte of a body */
#define HTTP_IDLE_MS 75000		  /* between requests */
#define HTTP_BODIES_MAX ((size_t)1 << 30) /* all requests' bodies together */
#define HTTP_BODY_UNASKED \
	(16 << 10)	  /* a request of a device fits; for more, who asks must be known first */
#define HTTP_RATE_MIN 256 /* bytes a second of a body, either way: narrow-band radio does more */
#define HTTP_LINGER_MAX (4 << 20) /* bytes thrown away so that a refusal reaches its sender */
#define HTTP_LINGER_MS 2000	  /* and for how long */
#define HTTP_ADDRESS_DIVISOR \
	2 /* one address holds at most this part of all connections: it cannot shut out the others */
#define HTTP_ADDRESS_MIN 64 /* but so many always: a workshop behind one address */
#define TLS_CERTIFICATES_MAX \
	(24 << 10) /* a peer's whole list, on the wire: the largest leaf and its issuers */
#define TLS_SESSION_CERTIFICATES_MAX \
	(8 << 10)	      /* of a session that is kept: a leaf and three issuers have 4 KiB */
#define TLS_SESSIONS_MAX 8192 /* kept for resumption; each holds the peer's certificates */
#define TLS_SESSION_LIFETIME_S 7200 /* a full handshake every two hours is cheap */

/* --- the signer's channel --- */
#define SIGNER_FRAME_MAX (64 << 20) /* a full CRL of a million entries */

/* --- kept OCSP answers --- */
#define OCSP_ANSWERS_MAX 32768 /* those who staple ask for few certificates; 64 MiB at the most */
#define OCSP_KEPT_MAX 2048     /* bytes of one: 900 with a P-256 responder's certificate */

/* --- lists --- */
#define LIST_PAGE_MAX 1000
#define CRL_SHARD_SIZE 10000 /* certificate indexes in one CRL shard */
