/* A unit is added to an open sale: one buyer who prefers it, the home in two processes, its Redis, the log, the new unit.
 *
 * The home may crash, lose a commit, be copied while the original goes on without the center, or be set back to a copy. Its
 * Redis may lose its memory, unless the home was copied (that case is not promised). An order that is only in a replaced
 * ledger does not count: no process can know it.
 *
 * Safe:   the buyer never has orders at the home and at the added unit.
 * Broken: -DNO_FENCE            a referral does not wait for Redis
 *         -DHEAD_NOT_TOLD       Redis does not know the head with the cut, and vouches for a copy without it
 *         -DCUT_IN_MEMORY       the ledger does not have the cut
 *         -DTOLD_LATER          the center vouches for a ledger, and tells it of the cut in a later message
 *         -DREFERS_KNOWN        a buyer who has an order is referred, too
 *         -DADMITS_AFTER        the home admits whom it would refer
 */
#define DEAD 0
#define UNVOUCHED 1
#define LIVE 2

#define NOTHING 0
#define ORDER 1
#define REFERRAL 2
#define NOBODY 2

#ifdef CUT_IN_MEMORY
#define TOLD(p) false
#else
#define TOLD(p) cut[p]
#endif

byte state[2];                   /* process 0, and process 1 on a copy of its ledger */
bool has[2];                     /* its ledger has an order of the buyer */
bool cut[2];                     /* its ledger, or its memory, has the cut */
byte step[2];                    /* what waits for Redis */
bool replaced[2];                /* another ledger took the place of one with the order: it does not count any more */

bool log_cut = false;            /* the log has the added unit */
byte registered = NOBODY;        /* the process that the center knows */

byte owner = NOBODY;             /* Redis: who has it, and what it has seen of the ledger */
bool redis_knows = false;
bool redis_has = false;
bool redis_cut = false;
bool redis_admitted = false;     /* the order of the last step */
byte redis_line = 0;             /* the process whose ledger has the head that Redis knows; NOBODY: both ledgers */

bool snapshot = false, snap_has = false, snap_cut = false;
bool copied = false, set_back = false;
byte crashes = 0;

bool sold_home = false;          /* the buyer was told of an order, and the ledger was not set back behind it */
bool referred = false;
bool sold_branch = false;

inline check() { assert(!(sold_home && sold_branch)) }

/* Takes Redis over, with the order of the last step if the ledger lacks it. */
inline prime(p) {
    if
    :: redis_admitted && redis_knows -> has[p] = true
    :: else
    fi;
    owner = p; redis_knows = true; redis_has = has[p]; redis_cut = TOLD(p); redis_admitted = false; redis_line = p
}

active proctype World() {
    byte p;
    state[0] = LIVE; registered = 0; owner = 0; redis_knows = true;
    do
    :: atomic { !log_cut -> log_cut = true }
    :: atomic { referred && !sold_branch -> sold_branch = true; check() }
    :: atomic { !snapshot -> snapshot = true; snap_has = has[0]; snap_cut = cut[0] }
    :: atomic {   /* directives reach the process that the center knows */
            select(p: 0 .. 1);
            if
            :: state[p] == LIVE && registered == p && log_cut && !cut[p] -> cut[p] = true
            :: else
            fi }
    :: atomic {   /* the buyer asks */
            select(p: 0 .. 1);
            if
            :: state[p] == LIVE && step[p] == NOTHING ->
                if
#ifdef REFERS_KNOWN
                :: cut[p] ->
#else
                :: cut[p] && !has[p] ->
#endif
#ifdef NO_FENCE
                    referred = true
#else
                    step[p] = REFERRAL
#endif
#ifdef ADMITS_AFTER
                :: cut[p] && !has[p] -> has[p] = true; step[p] = ORDER
#endif
                :: !cut[p] && !has[p] -> has[p] = true; step[p] = ORDER
                :: !cut[p] && !has[p] && owner == p ->   /* the step is done, and the commit fails */
                    redis_admitted = true; state[p] = DEAD
                :: has[p] && owner == p && !set_back && !replaced[p] -> sold_home = true; check()   /* a known order */
                :: else
                fi
            :: else
            fi }
    :: atomic {   /* Redis answers */
            select(p: 0 .. 1);
            if
            :: state[p] == LIVE && step[p] != NOTHING && owner == p && redis_knows ->
                redis_admitted = (step[p] == ORDER);
                if
                :: step[p] == ORDER ->
                    sold_home = true; redis_has = has[p]; redis_cut = TOLD(p); redis_line = p
                :: else ->
                    referred = true;
#ifndef HEAD_NOT_TOLD
                    redis_has = has[p]; redis_cut = TOLD(p); redis_line = p
#endif
                fi;
                step[p] = NOTHING; check()
            :: state[p] == LIVE && owner == p && !redis_knows -> step[p] = NOTHING; prime(p)   /* lost: primed anew */
            :: state[p] == LIVE && owner != p -> step[p] = NOTHING; state[p] = DEAD            /* superseded */
            :: else
            fi }
    :: atomic {   /* a crash and a restart */
            crashes < 2 && (state[0] == LIVE || state[0] == DEAD) && owner != 1 && registered != 1 ->
            crashes++; state[0] = UNVOUCHED; step[0] = NOTHING;
#ifdef CUT_IN_MEMORY
            cut[0] = false
#endif
            }
    :: atomic {   /* the machine is copied, and the original goes on without the center */
            !copied && !set_back && state[0] == LIVE ->
            copied = true; has[1] = has[0]; cut[1] = cut[0]; state[1] = UNVOUCHED; registered = NOBODY;
            redis_line = NOBODY }
    :: atomic {   /* a copy from an earlier moment is started */
            !copied && !set_back && snapshot && state[0] == LIVE ->
            copied = true; has[1] = snap_has; cut[1] = snap_cut; state[1] = UNVOUCHED; registered = NOBODY;
            if
            :: redis_has == snap_has && redis_cut == snap_cut -> redis_line = NOBODY
            :: else
            fi }
    :: atomic {   /* the ledger is set back, and Redis is intact or empty */
            snapshot && !set_back && !copied ->
            set_back = true;
            if
            :: has[0] && !snap_has -> sold_home = false
            :: else
            fi;
            has[0] = snap_has; cut[0] = snap_cut; state[0] = UNVOUCHED; step[0] = NOTHING;
            if
            :: redis_knows = false; redis_admitted = false
            :: true
            fi }
    :: atomic { !copied && redis_knows -> redis_knows = false; redis_admitted = false }
    :: atomic {   /* the center vouches, and tells of the cut with it */
            select(p: 0 .. 1);
            if
            :: state[p] == UNVOUCHED ->
                registered = p; state[p] = LIVE;
#ifndef TOLD_LATER
                if
                :: log_cut -> cut[p] = true
                :: else
                fi;
#endif
                prime(p);
                if
                :: has[1 - p] && !has[p] -> sold_home = false; replaced[1 - p] = true
                :: else
                fi
            :: else
            fi }
    :: atomic {   /* the center is away: Redis vouches, if the ledger has all that Redis has seen */
            select(p: 0 .. 1);
            if
            :: state[p] == UNVOUCHED && redis_knows && (redis_line == p || redis_line == NOBODY) &&
                    (!redis_has || has[p]) && (!redis_cut || cut[p]) ->
                state[p] = LIVE; prime(p)
            :: else
            fi }
    :: break
    od
}
