/* The quota protocol: two units, one crash, one failed commit, one step without an answer, one Redis that loses its
 * memory, and one copy of a ledger. The copy gets a process of its own while the original process lives on (a fork), or
 * after its end (a restored backup).
 *
 * Center and units publish cumulative counters that they alone write, and keep the maximum of the received values. The
 * network is a set: every value that was sent can arrive at any time, any number of times, in any order, or never.
 *
 * A process decides from its own book, in batches of one order or one return. Two witnesses are told of a batch at the
 * same time: its ledger by a commit, and its Redis by a step. Each takes the batches in order, at its own speed. The
 * buyer is answered, and the return is reported, when both have the batch. Answers leave at once here: a later answer
 * does no more harm, because it changes no state of the protocol.
 *
 * The one lot here stands for each of a unit's lots. Steps of several lots travel in one call, which Redis takes as if
 * they came one directly after the other: so it adds no order of events, and this model needs no calls.
 *
 * A step carries the fence, the sequence, the totals after its batch, and the ledger's durable head at the time of the
 * decision. What Redis has beyond this head is its tail. A process that starts takes Redis over in one step:
 *   - A ledger without the head in Redis was set back, whatever the center says.
 *   - Any other ledger needs one that vouches: the center, or Redis in the run that the ledger names.
 *   - The tail becomes entries of the ledger. The process that decided it may still commit it, and answer.
 *   - The new fence counts only if Redis has not changed since it was read. A process that primes again must find the
 *     fence of its own last priming there, or none; otherwise another process has taken over, and it stops.
 * A process primes again only when each of its batches is committed or void: a priming removes the tail.
 *
 * The units are alike, so the one with all the trouble is called 0. Bounds: 2 items, 4 grants, 2 returns, and 2 batches
 * under way in each process. Nothing is promised for a Redis that loses its memory while a ledger has two processes. A
 * center that vouches without a Redis that remembers is taken to have seen the whole ledger.
 *
 * Safe:   items promised to buyers never exceed the stock; pool + outstanding + stranded + settled = stock; the ledger
 *         of a process that sells has every answered order of its generation; a ledger has no more orders and returns
 *         than grants; a ledger that was never copied is not refused.
 * Broken: -DDELTAS               grants travel as differences
 *         -DVALUES               the center sends a unit its present quota instead of a cumulative value
 *         -DGIVE_BEFORE_TAKE     the pool grows when a reclaim is sent, not when the return arrives
 *         -DNO_HANDSHAKE         a unit sells from a restored ledger without a check of the ledger
 *         -DTRUST_REDIS          a Redis that was set back, together with the ledger, vouches for it
 *         -DCENTER_ALONE         the center vouches for a ledger that lacks what Redis has seen
 *         -DANSWER_BEFORE_COMMIT a buyer gets the answer when the order is decided
 *         -DLEDGER_ALONE         a buyer gets the answer when the ledger has the order
 *         -DREDIS_ALONE          a buyer gets the answer when Redis has the order
 *         -DLATER_BATCH_ANSWERED an earlier batch's commit fails, and a later batch is answered
 *         -DNO_PRIMING           after a lost step the process goes on as if the step had been done
 *         -DPRIMED_EARLY         a process primes again while a batch that Redis had is on its way to the disk
 *         -DTAIL_FORGOTTEN       Redis vouches by its head, and nobody adopts the tail
 *         -DHEAD_AFTER           a step carries the head after its batch, and nobody adopts: honest ledgers are refused
 *         -DSURVEY_FIRST         a process reads Redis, and takes it over later without another look
 *         -DFENCE_TAKEN_BACK     a process that primes again takes any higher fence
 *         -DSAID_BEFORE_DURABLE  a return is reported before it is durable, and a crash loses it
 *         -DRETURN_BY_THE_LEDGER a report carries the ledger's returns, before Redis has them
 *         -DSETTLED_BY_THE_COPY  stranded stock is settled by the sold items of the restored ledger
 * Holds:  -DSTEP_AFTER_COMMIT    a step leaves after the commit, with the head of that commit: Redis has no tail
 */
#ifndef STOCK
#define STOCK 2
#endif
#ifndef GRANTS
#define GRANTS 4               /* bounds, so that the search ends */
#endif
#ifndef RETURNS
#define RETURNS 2
#endif
#define BATCHES 2

#define SALE 0                 /* kinds of batches */
#define RETURN 1

#define ABSENT 0               /* a process that is not there yet, or has ended */
#define STARTING 1             /* nobody has vouched for its ledger */
#define UNPRIMED 2             /* it must prime Redis before it decides again */
#define SELLING 3

#define ORIGINAL 0             /* the processes of unit 0 */
#define COPY 1
#define NOBODY 2
#define other(p) (1 - p)

#define COMMON 0               /* histories of unit 0's ledger: up to the copy, and of each process after it */
#define line(p) (p + 1)

/* The center. */
byte pool = STOCK;
byte G[2];                     /* granted, at the authority */
byte R[2];                     /* returned, as reported to the authority */
byte stranded = 0;
byte settled = 0;              /* stranded items that an operator settled as sold */
byte center_saw = COMMON;      /* the history that the center has seen of unit 0's ledger */
bool renewed = false;          /* whether unit 0 has begun its second generation */

byte Gsent[2];                 /* sets of small numbers, as bits: every G that was sent, and every r */
byte rsent[2];

/* Unit 1, which has no trouble: granted, returned, sold. */
byte g1 = 0;
byte r1 = 0;
byte s1 = 0;

/* The ledgers of unit 0. */
byte g[2];
byte r[2];
byte s[2];
byte answered[2];              /* so many of the ledger's orders, the first ones, were answered */
byte common = 0;               /* so many orders are the same in both */
bool differs[2];               /* whether the ledger has entries that the other one lacks */
bool old[2];                   /* whether the process is of a generation that the center has replaced */

/* The processes of unit 0. */
byte status[2];
byte n[2];                     /* batches under way */
byte c[2];                     /* so many of them, the first ones, are in the ledger */
byte d[2];                     /* so many of them, the first ones, are in Redis */
byte kinds[2];                 /* a bit for each batch */
byte heads[2];                 /* a bit for each batch: its step carries a head that the other ledger lacks */
bool surveyed[2];              /* SURVEY_FIRST: what it read in Redis lets it sell */

/* The Redis of unit 0. */
byte holder = NOBODY;          /* whose fence it has */
byte available_there = 0;
byte s_there = 0;              /* the totals after the last step */
byte r_there = 0;
byte head_there = COMMON;      /* the history to which its head belongs */
bool remembers = true;         /* false after it lost its memory, until it is primed */
bool copy_knows_it = true;     /* whether the copy names this run of Redis */
bool skipped = false;          /* NO_PRIMING: the holder's sequence is ahead */

byte promised = 0;             /* items that buyers got a success answer for */
byte told = 0;                 /* those of unit 0's generation */
byte told_before = 0;          /* those of its replaced generation */
byte copied = 0;               /* 1: a copy was taken, 2: it was started */
byte grants = 0;
byte returns = 0;
bool crashed = false;
bool failed = false;
bool silent = false;
bool forgot = false;

#define outstanding(u) (G[u] - R[u])
#define available(p) (g[p] - r[p] - s[p])
#define undecided(p) (g[p] - r[p] - s[p] - (n[p] - c[p]))
#define available_1 (g1 - r1 - s1)
#define kind(p, i) ((kinds[p] >> i) & 1)
#define is_vouched(p) (status[p] >= UNPRIMED)

inline check() {
    assert(promised <= STOCK);
    assert(pool + outstanding(0) + outstanding(1) + stranded + settled == STOCK)
}

/* One more order of the ledger is answered. */
inline answer(p) {
    answered[p]++;
    if
    :: old[p] -> told_before++; promised++
    :: !old[p] && !old[other(p)] && answered[p] <= common && answered[other(p)] >= answered[p]    /* it was before */
    :: else -> told++; promised++
    fi;
    assert(old[0] || old[1] || holder != other(p) || status[other(p)] != SELLING || told <= s[other(p)]);
    check()
}

/* A total of returns is reported. */
inline report_returns(p, total) {
    if
    :: !old[p] && total > 0 -> rsent[0] = rsent[0] | (1 << (total))
    :: else
    fi
}

inline forget_batches(p) {
    n[p] = 0; c[p] = 0; d[p] = 0; kinds[p] = 0; heads[p] = 0
}

inline remove_first(p) {
    n[p]--; kinds[p] = kinds[p] >> 1; heads[p] = heads[p] >> 1
}

inline stop(p) {
    status[p] = ABSENT; surveyed[p] = false; forget_batches(p)
}

/* Both witnesses have the first batch. */
inline finish_first(p) {
    if
    :: c[p] > 0 && d[p] > 0 ->
        if
        :: kind(p, 0) == SALE ->
#if !defined(ANSWER_BEFORE_COMMIT) && !defined(LEDGER_ALONE) && !defined(REDIS_ALONE)
            answer(p)
#endif
        :: kind(p, 0) == RETURN && c[p] == 2 && kind(p, 1) == RETURN ->
            report_returns(p, r[p] - 1)              /* the ledger is ahead: the next return is not in Redis yet */
        :: else -> report_returns(p, r[p])
        fi;
        c[p]--; d[p]--; remove_first(p)
    :: else
    fi
}

/* What is committed and not in Redis leaves the queue: its buyers ask again. The rest waits for its commit. */
inline unprime(p) {
    status[p] = UNPRIMED;
    do
    :: c[p] > 0 -> c[p]--; remove_first(p)
    :: else -> break
    od
}

/* Redis has everything that the ledger has, so every order of it can be answered. */
inline prime(p) {
    holder = p; s_there = s[p]; r_there = r[p]; available_there = available(p); remembers = true; skipped = false;
    if
    :: differs[p] -> head_there = line(p)
    :: else -> head_there = COMMON
    fi;
    status[p] = SELLING; surveyed[p] = false;
    do
    :: answered[p] < s[p] -> answer(p)
    :: else -> break
    od;
    assert(old[p] || told <= s[p]);
    report_returns(p, r[p])
}

/* The ledger takes orders and returns of Redis that it lacks. */
inline adopt(p) {
    if
    :: copied > 0 && (s_there > s[p] || r_there > r[p]) -> differs[p] = true
    :: else
    fi;
    if
    :: s_there > s[p] -> s[p] = s_there
    :: else
    fi;
    if
    :: r_there > r[p] -> r[p] = r_there
    :: else
    fi;
    if
    :: p == COPY && holder == ORIGINAL -> common = s[p]     /* both processes know what was adopted */
    :: else
    fi;
    assert(g[p] >= r[p] + s[p])
}

#if defined(TAIL_FORGOTTEN) || defined(HEAD_AFTER) || defined(STEP_AFTER_COMMIT)
#define has_tail false
#else
#define has_tail (holder != NOBODY)
#endif

#ifdef HEAD_AFTER
#define has_the_tail(p) (s_there <= s[p] && r_there <= r[p])
#else
#define has_the_tail(p) true
#endif
#define was_set_back(p) (!(head_there == COMMON || head_there == line(p)) || !has_the_tail(p))
#ifdef TRUST_REDIS
#define is_known(p) true
#else
#define is_known(p) (remembers && (p == ORIGINAL || copy_knows_it))
#endif
#define redis_vouches(p) (!old[p] && holder != NOBODY && is_known(p) && !was_set_back(p))
#define center_knows(p) (!old[p] && (center_saw == COMMON || center_saw == line(p)))
#ifdef CENTER_ALONE
#define center_vouches(p) center_knows(p)
#else
/* Without a Redis that remembers, the center is taken to have seen the ledger to its end. */
#define center_vouches(p) (center_knows(p) && !was_set_back(p) && (redis_vouches(p) || p == ORIGINAL || !differs[0]))
#endif

/* A step of process p reaches Redis: it is done, or it changes nothing. */
#define step_is_done(p) (holder == p && remembers && !skipped && available_there > 0)
inline do_step(p, i) {
    available_there--;
    if
    :: kind(p, i) == SALE -> s_there++
    :: else -> r_there++
    fi;
#if defined(HEAD_AFTER) || defined(STEP_AFTER_COMMIT)
    if
    :: copied > 0 -> head_there = line(p)
#else
    if
    :: (heads[p] >> i) & 1 -> head_there = line(p)
#endif
    :: else
    fi
}

inline note_step(p) {
    d[p]++;
#ifdef REDIS_ALONE
    if
    :: kind(p, d[p] - 1) == SALE -> answer(p)
    :: else
    fi;
#endif
    finish_first(p)
}

inline lose_step(p) {
#ifdef NO_PRIMING
    skipped = true; note_step(p)
#else
    unprime(p)
#endif
}

#ifdef STEP_AFTER_COMMIT
#define can_step(p) (status[p] == SELLING && d[p] < n[p] && c[p] > 0)
#else
#define can_step(p) (status[p] == SELLING && d[p] < n[p])
#endif

#ifdef PRIMED_EARLY
#define can_prime(p) (status[p] == UNPRIMED)
#else
#define can_prime(p) (status[p] == UNPRIMED && n[p] == 0)
#endif

init {
    byte u;
    byte p;
    byte value;
    status[ORIGINAL] = SELLING; holder = ORIGINAL;
end:
    do
    /* The authority grants. */
    :: atomic { grants < GRANTS && pool > 0 ->
            if :: u = 0 :: u = 1 fi;
            G[u]++; pool--; grants++;
#ifdef VALUES
            Gsent[u] = Gsent[u] | (1 << outstanding(u));
#else
            Gsent[u] = Gsent[u] | (1 << G[u]);
#endif
            check(); u = 0 }
#ifdef GIVE_BEFORE_TAKE
    /* The authority asks a unit for quota, and counts it as returned at once. */
    :: atomic { returns < RETURNS && (outstanding(0) > 0 || outstanding(1) > 0) ->
            if
            :: outstanding(0) > 0 -> u = 0
            :: outstanding(1) > 0 -> u = 1
            fi;
            returns++; R[u]++; pool++; check(); u = 0 }
#endif
    /* Any return that was sent arrives. */
    :: atomic { rsent[0] || rsent[1] ->
            if :: u = 0 :: u = 1 fi;
            select(value: 1 .. RETURNS);
            if
            :: (rsent[u] & (1 << value)) && value > R[u] && value <= G[u] ->
                pool = pool + (value - R[u]); R[u] = value; check()
            :: else
            fi;
            u = 0; value = 0 }
    /* Any grant that was sent arrives, and is durable before it is used. Redis gets the credit. */
    :: atomic { Gsent[0] && ((is_vouched(0) && !old[0]) || (is_vouched(1) && !old[1])) ->
            if
            :: is_vouched(0) && !old[0] -> p = 0
            :: is_vouched(1) && !old[1] -> p = 1
            fi;
            select(value: 1 .. GRANTS);
            u = g[p];
            if
#ifdef DELTAS
            :: (Gsent[0] & (1 << value)) && g[p] < 6 -> g[p]++
#else
#ifdef VALUES
            :: (Gsent[0] & (1 << value)) && value > available(p) && g[p] < 6 -> g[p] = g[p] + (value - available(p))
#else
            :: (Gsent[0] & (1 << value)) && value > g[p] -> g[p] = value
#endif
#endif
            :: else
            fi;
            if
            :: g[p] > u && copied > 0 -> differs[p] = true
            :: else
            fi;
            if
            :: g[p] > u && holder == p -> available_there = available_there + (g[p] - u)
            :: else
            fi;
            u = 0; p = 0; value = 0 }
    :: atomic { Gsent[1] ->
            select(value: 1 .. GRANTS);
            if
#ifdef DELTAS
            :: (Gsent[1] & (1 << value)) && g1 < 6 -> g1++
#else
#ifdef VALUES
            :: (Gsent[1] & (1 << value)) && value > available_1 && g1 < 6 -> g1 = g1 + (value - available_1)
#else
            :: (Gsent[1] & (1 << value)) && value > g1 -> g1 = value
#endif
#endif
            :: else
            fi;
            value = 0 }
    /* Unit 1 sells, or returns. */
    :: atomic { available_1 > 0 -> s1++; promised++; check() }
    :: atomic { available_1 > 0 && returns < RETURNS -> r1++; returns++; rsent[1] = rsent[1] | (1 << r1) }

    /* A process decides a batch from its book. */
    :: atomic { (status[0] == SELLING && n[0] < BATCHES && undecided(0) > 0) ||
                (status[1] == SELLING && n[1] < BATCHES && undecided(1) > 0) ->
            if
            :: status[0] == SELLING && n[0] < BATCHES && undecided(0) > 0 -> p = 0
            :: status[1] == SELLING && n[1] < BATCHES && undecided(1) > 0 -> p = 1
            fi;
            if
            :: differs[p] -> heads[p] = heads[p] | (1 << n[p])
            :: else
            fi;
            n[p]++;
            if
            :: true ->
#ifdef ANSWER_BEFORE_COMMIT
                answer(p)
#endif
            :: returns < RETURNS ->
                returns++; kinds[p] = kinds[p] | (1 << (n[p] - 1));
#ifdef SAID_BEFORE_DURABLE
                rsent[0] = rsent[0] | (1 << (r[p] + 1));
#endif
            fi;
            p = 0 }
    /* The next batch is in the ledger. */
    :: atomic { c[0] < n[0] || c[1] < n[1] ->
            if
            :: c[0] < n[0] -> p = 0
            :: c[1] < n[1] -> p = 1
            fi;
            if
            :: kind(p, c[p]) == SALE ->
                s[p]++;
#ifdef LEDGER_ALONE
                answer(p)
#endif
            :: else ->
                r[p]++;
#ifdef RETURN_BY_THE_LEDGER
                report_returns(p, r[p])
#endif
            fi;
            if
            :: copied > 0 -> differs[p] = true
            :: else
            fi;
            c[p]++;
            if
            :: status[p] == UNPRIMED && d[p] == 0 -> unprime(p)     /* no step will follow: the buyer asks again */
            :: else -> finish_first(p)
            fi;
            p = 0 }
    /* The next step arrives at Redis. */
    :: atomic { can_step(0) || can_step(1) ->
            if
            :: can_step(0) -> p = 0
            :: can_step(1) -> p = 1
            fi;
            if
            :: step_is_done(p) -> do_step(p, d[p]); note_step(p)
            :: holder == other(p) -> stop(p)          /* a newer fence: it answers nobody any more */
            :: else -> lose_step(p)
            fi;
            p = 0 }
    /* A step has no answer: it was done, or not. */
    :: atomic { !silent && (can_step(0) || can_step(1)) ->
            silent = true;
            if
            :: can_step(0) -> p = 0
            :: can_step(1) -> p = 1
            fi;
            if
            :: step_is_done(p) -> do_step(p, d[p])
            :: true
            fi;
            lose_step(p);
            p = 0 }
    /* A commit fails: its batch and all later ones are void. */
    :: atomic { !failed && (c[0] < n[0] || c[1] < n[1]) ->
            failed = true;
            if
            :: c[0] < n[0] -> p = 0
            :: c[1] < n[1] -> p = 1
            fi;
#ifdef LATER_BATCH_ANSWERED
            if
            :: d[p] == 2 && kind(p, 1) == SALE -> answer(p)
            :: else
            fi;
#endif
            forget_batches(p);
#ifdef NO_PRIMING
            skipped = true;
#else
            status[p] = UNPRIMED;
#endif
            p = 0 }
    /* A process primes Redis again, when none of its batches is under way: a commit may still come. */
    :: atomic { can_prime(0) || can_prime(1) ->
            if
            :: can_prime(0) -> p = 0
            :: can_prime(1) -> p = 1
            fi;
            if
#ifndef FENCE_TAKEN_BACK
            :: holder == other(p) -> stop(p)
#endif
            :: else ->
                if
                :: !remembers && copied > 0 -> differs[p] = true     /* the ledger names the new run of Redis */
                :: else
                fi;
                prime(p)
            fi;
            p = 0 }

    /* A process ends, and the next one opens the same ledger. */
    :: atomic { !crashed && (is_vouched(0) || is_vouched(1)) ->
            crashed = true;
            if
            :: is_vouched(0) -> p = 0
            :: is_vouched(1) -> p = 1
            fi;
            stop(p); status[p] = STARTING;
            if
            :: copied > 0 -> differs[p] = true       /* the ledger names the new process */
            :: else
            fi;
            p = 0 }
    /* A copy of the ledger is taken. */
    :: atomic { copied == 0 && s[0] + r[0] < STOCK ->
            copied = 1; common = s[0]; copy_knows_it = remembers;
            g[COPY] = g[0]; r[COPY] = r[0]; s[COPY] = s[0]; answered[COPY] = answered[0] }
    /* The copy gets a process. The original one has ended, or lives on: then Redis must not have lost its memory. */
    :: atomic { copied == 1 ->
            if
            :: stop(ORIGINAL)
            :: copy_knows_it && remembers
            fi;
            copied = 2; status[COPY] = STARTING; differs[COPY] = true }

#ifdef SURVEY_FIRST
    /* A process that has read Redis primes it. */
    :: atomic { surveyed[0] || surveyed[1] ->
            if
            :: surveyed[0] -> p = 0
            :: surveyed[1] -> p = 1
            fi;
            prime(p); p = 0 }
#endif
    /* A process takes Redis over, when the center or Redis vouches for its ledger. */
    :: atomic { status[0] == STARTING || status[1] == STARTING ->
            if
            :: status[0] == STARTING -> p = 0
            :: status[1] == STARTING -> p = 1
            fi;
            if
#ifdef NO_HANDSHAKE
            :: true -> prime(p)
#endif
            :: redis_vouches(p) || center_vouches(p) ->
                if
                :: redis_vouches(p) && has_tail -> adopt(p)
                :: else
                fi;
#ifdef SURVEY_FIRST
                surveyed[p] = true
#else
                prime(p)
#endif
            :: !(redis_vouches(p) || center_vouches(p)) ->
                assert(copied > 0)                   /* a ledger that was never copied is not refused */
            /* The center finds the old ledger: its quota is stranded, and a new generation starts with nothing. */
            :: !center_vouches(p) && !renewed && copied == 2 ->
                renewed = true; stranded = outstanding(0);
                told_before = told; told = 0;
#ifdef SETTLED_BY_THE_COPY
                told_before = s[p];
#endif
                G[0] = 0; R[0] = 0; Gsent[0] = 0; rsent[0] = 0;   /* messages of the old generation are ignored */
                g[p] = 0; r[p] = 0; s[p] = 0; answered[p] = 0; common = 0;
                old[other(p)] = true; differs[p] = true; center_saw = line(p);
                prime(p);
                check()
            fi;
            p = 0 }
    /* A process reports to the center. The center stops one whose ledger it does not know, or makes it register. */
    :: atomic { copied > 0 && ((is_vouched(0) && differs[0] && center_saw != line(0) && n[0] == 0) ||
                (is_vouched(1) && differs[1] && center_saw != line(1) && n[1] == 0)) ->
            if
            :: is_vouched(0) && differs[0] && center_saw != line(0) && n[0] == 0 -> p = 0
            :: is_vouched(1) && differs[1] && center_saw != line(1) && n[1] == 0 -> p = 1
            fi;
            if
            :: old[p] -> stop(p)
            :: !old[p] && center_saw == COMMON -> center_saw = line(p)
            :: else -> status[p] = STARTING
            fi;
            p = 0 }
    /* Redis is emptied, or set back to its beginning. */
    :: atomic { !forgot && (status[0] == ABSENT || status[1] == ABSENT) ->
            forgot = true; remembers = false; copy_knows_it = false; head_there = COMMON;
            s_there = 0; r_there = 0;
            if
            :: holder = NOBODY; available_there = 0
            :: available_there = g[0]
            fi }
    /* The operator settles by the number of items that were really sold, when the old process has surely ended. */
    :: atomic { stranded > 0 ->
            if
            :: old[0] -> stop(0)
            :: old[1] -> stop(1)
            fi;
            settled = told_before; pool = pool + (stranded - told_before); stranded = 0; told_before = 0;
            check() }
    od
}
