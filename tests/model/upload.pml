/*
 * The life of one key: whoever holds its URLs, two processes of the service that may die between any
 * two calls, a store, and a sweep. Each step is one call to the store. SPIN tries every order of the
 * steps; docs/internals/model.md says how to read this. What is switched on by -D:
 *
 * The upload     INCOMING (waits below incoming/; else it is the file at once), PARTS, SCANS, DELETES
 *                (what a confirm refuses), REMOVES (somebody may remove it), NOTIFIES (the store does)
 * The store      COPIES (on condition), COPIES_ONCE, COMPLETES_ONCE, WRITE_ONCE (AT_BEGIN: only as a
 *                PUT begins), VERSIONS
 * The service    BELIEVES: says final although the store lacks the ability for it
 * Mistakes       M_...: one for each rule of the service
 */

#define NONE  0
#define CLEAN 1
#define OTHER 2 /* of the same size and type, and made to have the same MD5; with SCANS infected */
#define WRONG 3 /* of another size or type */

/* Time: while URLs, what they began and receipts are alive; then receipts alone; then nothing, and
   what waits is old. With SLOW, a confirm may take longer than the first of these. */
#define LIVE    0
#define SETTLED 1
#define OVER    2
byte clock = LIVE;

/* The store. */
byte up[2];   /* what a PUT or a completion wrote: the newest version first */
byte copied;  /* the file, if it is a copy */
bit mark;     /* of a removal */
byte part;    /* of the upload in parts */
bit ended;    /* the upload in parts */
byte begun;   /* a PUT under way */

/* What was said. */
bit acked;    /* that the file is there */
byte final;   /* and that these bytes are final */
byte removal; /* 1: is begun, 2: is answered */
bit heard;    /* that what waits need not be notified again */

/* The processes. */
bit busy[2];
bit died;     /* one died after the last sweep, and may have left a copy */

#ifdef INCOMING
#define FILE copied
#else
#define FILE up[0]
#endif
#define ETAG(x) (x == OTHER -> CLEAN : x)
#ifdef VERSIONS
#define IS_THERE(x) (up[0] == x || up[1] == x)
#define AT(x) x
#else
#define IS_THERE(x) (up[0] && ETAG(up[0]) == ETAG(x))
#define AT(x) up[0]
#endif

/* The service says final if the store has the ability for this upload, or once no URL is alive. */
#if defined(BELIEVES) || (defined(INCOMING) && defined(COPIES_ONCE)) \
  || (!defined(INCOMING) && defined(PARTS) && defined(COMPLETES_ONCE)) \
  || (!defined(INCOMING) && !defined(PARTS) && defined(WRITE_ONCE) && !defined(AT_BEGIN))
#define IS_FINAL true
#else
#define IS_FINAL (clock >= SETTLED)
#endif

#define SAYS(text) printf("\n- process %d ", _pid - 1); printf(text)
#define SEES(text, x) SAYS(text); printf(" <%d>", x)
#define BREAKS(fault, promise) \
  if :: fault -> printf("\nBROKEN: "); printf(promise); assert(false) :: else fi

/* What holds after every step of anybody. */
inline judge() {
#ifdef INCOMING
  BREAKS(FILE == WRONG, "nobody reads what was not confirmed");
#endif
#ifdef SCANS
  BREAKS(FILE == OTHER, "nothing infected is served");
#endif
  BREAKS(final && FILE && FILE != final && !removal, "a final file never changes");
  BREAKS(acked && !FILE && !removal, "what was acknowledged is not lost")
}

inline store(x) {
#ifdef VERSIONS
  up[1] = up[0];
#endif
  up[0] = x; heard = false;
  printf("\n- the store has the upload <%d>", x)
}

/* Removes one version; in a bucket without them, whatever is there. */
inline drop(x) {
#ifdef VERSIONS
  if :: up[0] == x -> up[0] = up[1]; up[1] = NONE
     :: up[0] != x && up[1] == x -> up[1] = NONE
     :: else
  fi
#else
  up[0] = NONE
#endif
}

#ifdef VERSIONS
#define MAY_STORE(x) (!IS_THERE(x) && !up[1])
#else
#define MAY_STORE(x) (up[0] != x)
#endif
#if defined(WRITE_ONCE) && !defined(AT_BEGIN)
#define IS_FREE !up[0]
#else
#define IS_FREE true
#endif

/* Whoever has the URLs sends what they like, as often as they like. */
active proctype uploader() {
  byte x;
  do
  :: atomic {
      clock == LIVE -> select(x : 1 .. 3);
      if
#ifdef PARTS
#ifdef COMPLETES_ONCE
      :: !ended && part != x -> part = x; printf("\n- a part is stored <%d>", x)
#else
      :: part != x -> part = x; printf("\n- a part is stored <%d>", x);
        if :: ended && up[0] -> store(x); judge() :: else fi
#endif
#else
      :: MAY_STORE(x) && IS_FREE -> store(x); judge()
#ifdef AT_BEGIN
      :: !begun && !up[0] -> begun = x; printf("\n- a PUT begins <%d>", x)
#endif
#endif
      :: else
      fi;
      x = NONE
    }
  :: atomic { begun -> store(begun); begun = NONE; judge() }
  od
}

active proctype time() {
#ifdef SLOW
  atomic { !begun -> clock = SETTLED; printf("\n- the URLs have ended, and their PUTs") };
#else
  atomic { !begun && !busy[0] && !busy[1] -> clock = SETTLED; printf("\n- the URLs have ended, and what they began") };
#endif
  atomic { !busy[0] && !busy[1] -> clock = OVER; printf("\n- the receipts have ended") }
}

#define ME busy[_pid - 2]
#define ANOTHER busy[3 - _pid]
/* One call to the store, and what follows from its answer; the process may die before it. */
#define CALL(step) if :: atomic { step } :: atomic { died = true; SAYS("dies"); heard = heard && !notified; goto idle } fi

active [2] proctype service() {
  byte looked, taken; /* of the upload: as it was looked at, and as it was scanned or copied */
  byte file;
  bit late;           /* begun after a removal, or, for a sweep, after all receipts ended */
  bit notified;
idle:
  atomic {
    ME = false; looked = NONE; taken = NONE; file = NONE; late = false; notified = false;
    /* After a direct upload, a PUT may bring back what was removed. */
    BREAKS(removal == 2 && copied && !died && !busy[0] && !busy[1], "what was removed stays away")
  }
  if
  :: atomic {
      clock < OVER -> ME = true; late = (removal == 2); SAYS("begins to confirm");
#ifdef PARTS
      goto complete
#else
      goto confirm
#endif
    }
#ifdef NOTIFIES
  :: atomic {
      clock < OVER && !heard -> heard = true; ME = true; notified = true; late = (removal == 2);
      SEES("is notified, and looks at what waits:", up[0]);
      if :: up[0] -> goto confirm :: else -> goto idle fi
    }
#endif
#ifdef REMOVES
  :: atomic { clock < OVER -> ME = true; SAYS("begins to remove"); goto remove }
#endif
  :: atomic { late = (clock == OVER); SAYS("begins to sweep"); goto sweep }
  fi;

#ifdef PARTS
complete: /* application/parts/complete-multipart.ts */
  CALL(
    looked = (ended -> NONE : part); SEES("lists the parts:", looked);
    if :: !looked -> goto confirm :: looked == WRONG -> goto abort :: else fi
  );
  CALL(
    if
#ifdef COMPLETES_ONCE
    :: ended || ETAG(part) != ETAG(looked) -> SAYS("is told that the parts have changed")
    :: else -> SAYS("completes the upload"); ended = true; store(part); part = NONE
#else
    :: true -> SAYS("completes the upload"); ended = true; store(looked)
#endif
    fi;
    looked = NONE; judge(); goto confirm
  );
abort:
  CALL(SAYS("aborts the upload"); part = NONE; ended = true; goto idle);
#endif

confirm: /* application/uploads/promote-upload.ts */
#ifdef INCOMING
  CALL(file = copied; SEES("looks at the file:", file));
  CALL(
    SEES("looks for a mark:", mark);
    if :: mark && !file -> goto idle
       :: mark && file -> goto unmake
       :: !mark && file == WRONG -> goto idle
       :: !mark && file && file != WRONG -> goto settle
       :: else
    fi
  );
#endif

  CALL( /* application/uploads/examine-upload.ts */
    looked = up[0]; SEES("looks at the upload:", looked);
    if :: looked == NONE -> goto incomplete
       :: looked == WRONG -> goto refuse
       :: else
    fi;
#ifndef INCOMING
    file = looked; looked = NONE; goto settle
#endif
  );
#ifdef INCOMING
#ifdef M_COPIES_FIRST
  goto copy;
#endif
scan: /* application/uploads/scan-upload.ts */
#ifdef SCANS
  CALL(
    taken = (IS_THERE(looked) -> AT(looked) : NONE); SEES("scans", taken);
    if :: taken == OTHER -> goto refuse
       :: taken == NONE -> goto incomplete
       :: else -> taken = NONE
    fi
  );
#endif
#ifdef M_COPIES_FIRST
  goto look;
#endif
copy: /* adapters/storage/s3/copy.ts */
  CALL(
#ifdef COPIES
    taken = (IS_THERE(looked) -> AT(looked) : NONE);
#else
    taken = up[0];
#endif
    SEES("copies", taken);
    if :: taken == NONE -> goto incomplete :: else fi;
#if !defined(VERSIONS) && !defined(M_COPIES_FIRST)
    looked = NONE
#endif
  );
#if defined(SCANS) && !defined(M_TRUSTS_ETAGS)
  CALL(if :: copied || mark -> SAYS("sees a file or a mark"); goto incomplete :: else fi);
#endif
  CALL(
    if
#ifdef COPIES_ONCE
    :: copied -> SAYS("is told that there is a file")
#endif
    :: else -> SEES("publishes the copy:", taken); copied = taken
    fi;
    taken = NONE; judge();
#ifdef M_COPIES_FIRST
    goto scan
#endif
  );
look:
#ifndef M_DOES_NOT_LOOK
  CALL(file = copied; SEES("looks at the file:", file));
  CALL(
    SEES("looks for a mark:", mark);
    if :: mark && !file -> goto idle
       :: (mark || file == WRONG) && file -> goto unmake
       :: !mark && !file -> heard = heard && !notified; goto idle
       :: else
    fi
  );
#else
  file = CLEAN;
#endif
#endif

settle: /* application/uploads/settle-upload.ts */
#ifdef M_REMOVES_FIRST
  CALL(SAYS("removes what waited"); drop(up[0]));
#endif
  CALL(
    #ifdef INCOMING
    BREAKS(late, "what was removed is not confirmed");
#endif
    acked = true;
    if :: IS_FINAL && !removal -> final = file; SEES("says that this is there, and final:", file)
       :: else -> SEES("says that this is there:", file)
    fi;
    file = NONE; judge();
#ifndef INCOMING
    goto idle
#endif
  );
#if defined(INCOMING) && !defined(M_REMOVES_FIRST)
  if /* A failure is only logged. */
  :: CALL(SAYS("removes what waited"); if :: looked -> drop(looked) :: else -> drop(up[0]) fi)
  :: true
  fi;
#endif
  atomic { goto idle };

refuse:
#ifdef DELETES
#if defined(SCANS) && !defined(VERSIONS) && !defined(M_FREES_REFUSED)
  CALL(SAYS("empties what it refuses"); up[0] = WRONG; goto idle);
#else
  CALL(SAYS("removes what it refuses"); drop(looked); judge(); goto idle);
#endif
#endif
  atomic { goto idle };

incomplete: /* Another process may have made the file, and removed the upload. */
  CALL(if :: copied -> goto confirm :: else -> goto idle fi);

unmake:
  CALL(SAYS("removes the file again"); copied = NONE; judge(); goto idle);

remove: /* application/files/remove-file.ts */
  removal = (removal == 2 -> 2 : 1);
#if defined(INCOMING) && !defined(M_NO_MARK) && !defined(M_MARKS_LAST)
  CALL(SAYS("writes the mark"); mark = true);
#endif
#ifdef PARTS
  CALL(SAYS("aborts the upload"); part = NONE; ended = true);
#endif
  do
  :: up[0] -> CALL(SAYS("removes what a PUT wrote"); drop(up[0]))
  :: else -> break
  od;
#ifdef INCOMING
  CALL(SAYS("removes the file"); copied = NONE);
#endif
#ifdef M_MARKS_LAST
  CALL(SAYS("writes the mark"); mark = true);
#endif
#ifdef M_FORGETS_MARKS /* application/files/forget-organization.ts */
  CALL(SAYS("removes the mark"); mark = false);
#endif
  atomic { removal = 2; SAYS("has removed it"); goto idle };

sweep: /* application/files/sweep-uploads.ts */
#ifdef INCOMING
#ifdef M_SWEEPS_MARK_FIRST
  if :: late && mark -> CALL(SAYS("sweeps the mark"); mark = false); file = CLEAN :: else fi;
#endif
  if
  :: mark || file ->
    CALL(SAYS("removes a file that has a mark"); copied = NONE; died = ANOTHER);
    if :: late -> CALL(SAYS("sweeps the mark"); mark = false) :: else fi
  :: else
  fi;
  do
  :: late && up[0] -> CALL(SAYS("sweeps what waits"); drop(up[0]))
  :: else -> break
  od;
#endif
#ifdef PARTS
  if :: late -> CALL(SAYS("sweeps what is open"); part = NONE; ended = true) :: else fi;
#endif
  atomic {
    if
    :: late ->
      BREAKS(part || mark, "what nobody confirms goes");
#ifdef INCOMING
      BREAKS(up[0], "what nobody confirms goes");
      BREAKS(removal == 2 && copied, "what was removed goes for good");
#endif
#ifdef NOTIFIES
      BREAKS(copied && !acked && heard && !removal, "the backend is told of every file");
#endif
    :: else
    fi;
    goto idle
  }
}
