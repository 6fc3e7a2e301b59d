/* The quota protocol: two units, three items, one crash, one ledger restored from a copy, one Redis that loses data.
 *
 * Both sides publish cumulative counters that they alone write, and keep the maximum of the received values. The network
 * is a set: every value that was sent can arrive at any time, any number of times, in any order, or never.
 * The two units are alike, so the one whose ledger is restored is called 0.
 *
 * Safe:   items promised to buyers never exceed the stock, and pool + outstanding + stranded + settled = stock.
 * Broken: -DDELTAS               grants travel as differences
 *         -DVALUES               the center sends a unit its present quota instead of a cumulative value
 *         -DGIVE_BEFORE_TAKE     the pool grows when a reclaim is sent, not when the return arrives
 *         -DNO_HANDSHAKE         a unit sells from a restored ledger without a check of the ledger
 *         -DTRUST_REDIS          a unit sells all items that Redis admits, also after Redis was set back
 *         -DANSWER_BEFORE_COMMIT a buyer gets the answer after Redis admits the order, and a crash loses the entry
 *         -DSAID_BEFORE_DURABLE  a return is reported before it is durable, and a crash loses it
 *         -DSETTLED_BY_THE_COPY  stranded stock is settled by the sold items of the restored ledger
 */
#define STOCK 3
#define UNITS 2
#define GRANTS 6               /* bounds, so that the search ends */
#define RETURNS 3
#define EITHER u = 0 :: u = 1

byte pool = STOCK;
byte G[UNITS];                 /* granted, at the authority */
byte R[UNITS];                 /* returned, as reported to the authority */
byte stranded = 0;
byte settled = 0;              /* stranded items that an operator settled as sold */

byte g[UNITS];                 /* the unit's ledger: granted, returned, sold */
byte r[UNITS];
byte s[UNITS];
byte redis[UNITS];             /* the available items in the unit's Redis */
byte admitted[UNITS];          /* admitted by Redis, and not in the ledger yet */
byte copy_g = 0;               /* an older copy of unit 0's ledger */
byte copy_r = 0;
byte copy_s = 0;
bool has_copy = false;
bool vouched = true;           /* whether the center accepts unit 0's ledger */
byte truth = 0;                /* items that unit 0 had sold when its ledger was set back */

byte Gsent[UNITS];             /* sets of small numbers, as bits: every G that was sent, and every r */
byte rsent[UNITS];
byte promised = 0;             /* items that buyers got a success answer for */

byte grants = 0;
byte returns = 0;
bool crashed = false;
bool restored = false;
bool forgot = false;

#define available(u) (g[u] - r[u] - s[u])
#define outstanding(u) (G[u] - R[u])
#define may_sell(u) (vouched || u == 1)

inline check() {
    assert(promised <= STOCK);
    assert(pool + outstanding(0) + outstanding(1) + stranded + settled == STOCK)
}

active proctype World() {
    byte u;
    byte value;
end:
    do
    /* The authority grants. */
    :: atomic { grants < GRANTS && pool > 0 ->
            if :: EITHER fi;
            G[u]++; pool--; grants++;
#ifdef VALUES
            Gsent[u] = Gsent[u] | (1 << outstanding(u));
#else
            Gsent[u] = Gsent[u] | (1 << G[u]);
#endif
            check(); u = 0 }
#ifdef GIVE_BEFORE_TAKE
    /* The authority asks a unit for quota, and counts it as returned at once. */
    :: atomic { returns < RETURNS ->
            if :: EITHER fi;
            if
            :: outstanding(u) > 0 -> returns++; R[u]++; pool++
            :: else
            fi;
            check(); u = 0 }
#endif
    /* Any return that was sent arrives. */
    :: atomic { rsent[0] || rsent[1] ->
            if :: EITHER fi;
            select(value: 1 .. RETURNS);
            if
            :: (rsent[u] & (1 << value)) && value > R[u] && value <= G[u] ->
                pool = pool + (value - R[u]); R[u] = value; check()
            :: else
            fi;
            u = 0; value = 0 }
    /* Any grant that was sent arrives, and is durable before it is used. */
    :: atomic { Gsent[0] || Gsent[1] ->
            if :: EITHER fi;
            select(value: 1 .. GRANTS);
            if
#ifdef DELTAS
            :: (Gsent[u] & (1 << value)) && g[u] < 6 -> g[u]++; redis[u]++
#else
#ifdef VALUES
            :: (Gsent[u] & (1 << value)) && value > available(u) && g[u] < 6 ->
                redis[u] = redis[u] + (value - available(u)); g[u] = g[u] + (value - available(u))
#else
            :: (Gsent[u] & (1 << value)) && value > g[u] ->
                redis[u] = redis[u] + (value - g[u]); g[u] = value
#endif
#endif
            :: else
            fi;
            u = 0; value = 0 }
    /* A buyer's order: Redis admits it first. */
    :: atomic { redis[0] || redis[1] ->
            if :: EITHER fi;
            if
            :: may_sell(u) && redis[u] > 0 ->
                redis[u]--; admitted[u]++;
#ifdef ANSWER_BEFORE_COMMIT
                promised++; check()
#endif
            :: else
            fi;
            u = 0 }
    /* Then the ledger accepts it, with its own guard, and then the buyer gets the answer. */
    :: atomic { admitted[0] || admitted[1] ->
            if :: EITHER fi;
            if
            :: admitted[u] > 0 ->
                admitted[u]--;
#ifdef TRUST_REDIS
                s[u]++; promised++; check()
#else
                if
                :: available(u) > 0 ->
                    s[u]++;
#ifndef ANSWER_BEFORE_COMMIT
                    promised++;
#endif
                    check()
                :: else -> redis[u] = available(u)     /* Redis admitted too much: it is rebuilt from the ledger */
                fi
#endif
            :: else
            fi;
            u = 0 }
    /* A unit returns available items: the return is durable before it is reported. */
    :: atomic { returns < RETURNS && (redis[0] || redis[1]) ->
            if :: EITHER fi;
            if
            :: may_sell(u) && redis[u] > 0 && available(u) > admitted[u] ->
                redis[u]--; r[u]++; returns++; rsent[u] = rsent[u] | (1 << r[u])
            :: else
            fi;
            u = 0 }
    /* A crash: the ledger stays, Redis is rebuilt from it, and data that was only in Redis is lost. */
    :: atomic { !crashed ->
            if :: EITHER fi;
            crashed = true;
#ifdef SAID_BEFORE_DURABLE
            if
            :: r[u] > 0 -> r[u]--
            :: else
            fi;
#endif
            admitted[u] = 0; redis[u] = available(u); u = 0 }
    /* Redis is emptied, or set back to a time when it had more items. */
    :: atomic { !forgot ->
            if :: EITHER fi;
            forgot = true;
            if
            :: redis[u] = 0
            :: redis[u] = g[u] - r[u]
            fi;
            u = 0 }
    :: atomic { !has_copy && !restored && s[0] + r[0] < STOCK ->
            has_copy = true; copy_g = g[0]; copy_r = r[0]; copy_s = s[0] }
    /* The ledger is set back to its copy, with the machine: Redis is rebuilt from it. */
    :: atomic { has_copy && (copy_s != s[0] || copy_r != r[0] || copy_g != g[0]) ->
            has_copy = false; restored = true;
            truth = s[0];
            g[0] = copy_g; r[0] = copy_r; s[0] = copy_s; copy_g = 0; copy_r = 0; copy_s = 0;
            admitted[0] = 0; redis[0] = available(0);
#ifndef NO_HANDSHAKE
            vouched = false
#endif
            }
    /* The center detects the old ledger: its quota is stranded, and a new generation starts with nothing. */
    :: atomic { !vouched && stranded == 0 ->
            stranded = outstanding(0);
#ifdef SETTLED_BY_THE_COPY
            truth = s[0];
#endif
            G[0] = 0; R[0] = 0; g[0] = 0; r[0] = 0; s[0] = 0; redis[0] = 0;
            Gsent[0] = 0; rsent[0] = 0;            /* the new generation ignores messages of the old one */
            vouched = true;
            check() }
    /* The operator settles by the number of items that were really sold. */
    :: atomic { stranded > 0 ->
            settled = truth; pool = pool + (stranded - truth); stranded = 0; truth = 0;
            check() }
    od
}
