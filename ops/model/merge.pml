/* The merge of a contest: two units, three requests, two items, one crash of the coordinator, one unit not waited for.
 *
 * Reports are sets: every report of a unit can arrive at any time, any number of times, in any order, or never.
 *
 * Safe:   requests that pass on time pass in the order of their stamps; a request is late only if a decision did not wait
 *         for its unit; no request gets two items, and no more items are given than exist, also after a crash.
 * Broken: -DARRIVAL             requests pass as they arrive
 *         -DWATERMARK_OUTSIDE   the watermark is read while a stamped request is not in the queue yet
 *         -DFRONTIER_NOT_LOGGED the next coordinator does not know the frontier of the contest
 *         -DTOLD_BEFORE_LOGGED  units are told of a decision before it is in the log
 */
#define UNITS 2
#define REQUESTS 3
#define ITEMS 2
#define REPORTS 2                /* different reports of each unit */
#define EMPTY 0

byte now = 0;                    /* true time; clocks are exact here, so it is also the stamp */
byte queue[6];                   /* queue[u * 3 + i]: stamps of unit u, in order */
byte count[UNITS];
byte intake[UNITS];              /* a request that has a stamp and is not in the queue yet */
byte asked = 0;
byte reports[UNITS];
int sent[UNITS];                 /* bits: report (first k candidates, watermark w) is bit k * 4 + w */

/* The log, which stays after a crash of a coordinator. */
byte logged_frontier = 0;
byte logged_pool = ITEMS;
bool logged_passed[4];           /* by stamp */
byte last_on_time = 0;
bool skipped[UNITS];             /* a decision did not wait for the unit */

/* The coordinator's memory. */
byte received[UNITS];
byte mark[UNITS];
byte frontier = 0;
byte crashes = 0;
byte exclusions = 0;

byte given = 0;                  /* items that units were told of */

inline pass(u, stamp) {
    /* `frontier` is the coordinator's value; last_on_time is the true one. */
    if
    :: stamp > frontier ->
        assert(stamp > last_on_time);    /* on time, and in order */
        last_on_time = stamp
    :: else ->
        assert(skipped[u])               /* late: only if a decision did not wait for the unit */
    fi
}

proctype Unit(byte u) {
    do
    :: atomic { asked < REQUESTS && intake[u] == EMPTY && count[u] < 3 ->
            now++; asked++; intake[u] = now }
    :: atomic { intake[u] != EMPTY -> queue[u * 3 + count[u]] = intake[u]; count[u]++; intake[u] = EMPTY }
    :: atomic {   /* a report */
#ifndef WATERMARK_OUTSIDE
            intake[u] == EMPTY && reports[u] < REPORTS && !(sent[u] & (1 << (count[u] * 4 + now))) ->
#else
            reports[u] < REPORTS && !(sent[u] & (1 << (count[u] * 4 + now))) ->
#endif
            reports[u]++;
            sent[u] = sent[u] | (1 << (count[u] * 4 + now)) }
    :: true -> break
    od
}

proctype Coordinator() {
    byte u, k, w, i, reach, stamp, owner, candidate;
    bool is_decided;
    do
    :: atomic {   /* any report that was sent arrives */
            select(u: 0 .. 1); select(k: 0 .. 3); select(w: 0 .. 3);
            if
            :: sent[u] & (1 << (k * 4 + w)) ->
                if
                :: k > received[u] -> received[u] = k
                :: else
                fi;
                if
                :: k <= received[u] && w > mark[u] -> mark[u] = w
                :: else
                fi
            :: else
            fi
        }
    :: atomic {   /* one decision: the lowest stamp, if no lower one can arrive any more */
            if
            :: mark[0] <= mark[1] -> reach = mark[0]
            :: else -> reach = mark[1]
            fi;
            if
            :: exclusions < 1 -> exclusions++; skipped[1] = true; reach = mark[0]
            :: exclusions < 1 -> exclusions++; skipped[0] = true; reach = mark[1]
            :: true
            fi;
            stamp = 0; owner = 0;
            for (u : 0 .. 1) {
                for (i : 0 .. 2) {
                    candidate = queue[u * 3 + i];
                    if
                    :: (i < received[u] && !logged_passed[candidate] && (stamp == 0 || candidate < stamp)) ->
#ifdef ARRIVAL
                        if
                        :: stamp == 0 -> stamp = candidate; owner = u
                        :: true
                        fi
#else
                        stamp = candidate; owner = u
#endif
                    :: else
                    fi
                }
            }
#ifndef ARRIVAL
            if
            :: stamp > reach && stamp > frontier -> stamp = 0
            :: else
            fi;
#endif
            if
            :: stamp > 0 ->
                pass(owner, stamp);
                is_decided = true;
#ifdef TOLD_BEFORE_LOGGED
                if
                :: logged_pool > 0 -> given++
                :: else
                fi;
                assert(given <= ITEMS);
                if
                :: crashes < 1 -> crashes++; is_decided = false;   /* crashes between the message and the log */
                    received[0] = 0; received[1] = 0; mark[0] = 0; mark[1] = 0; frontier = logged_frontier;
                    last_on_time = logged_frontier
                :: true
                fi;
#endif
                if
                :: is_decided ->
                    logged_passed[stamp] = true;
                    if
                    :: stamp > frontier -> frontier = stamp
                    :: else
                    fi;
#ifndef FRONTIER_NOT_LOGGED
                    logged_frontier = frontier;
#endif
                    if
                    :: logged_pool > 0 ->
                        logged_pool--;
#ifndef TOLD_BEFORE_LOGGED
                        given++;
#endif
                        assert(given <= ITEMS)
                    :: else
                    fi
                :: else
                fi
            :: else
            fi;
            stamp = 0; owner = 0; reach = 0; candidate = 0; u = 0; i = 0
        }
    :: atomic {   /* the coordinator crashes; the next one reads only the log */
            crashes < 1 ->
            crashes++;
            received[0] = 0; received[1] = 0; mark[0] = 0; mark[1] = 0;
            frontier = logged_frontier
        }
    :: true -> break
    od
}

init {
    atomic { run Coordinator(); run Unit(0); run Unit(1) }
}
