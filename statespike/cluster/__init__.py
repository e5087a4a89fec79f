"""Jobs on workers of Dask distributed, in processes here or on other machines.

Jobs are pure: what one is given decides its result. So whatever is lost is done again, on another worker when
one dies, and as a whole when the scheduler was away; nothing depends on who did a job, or when. `jobs` has a
client do them, `workers` is for those who have jobs, `worker` is what goes on at the other end, and `version`
what all must have in common.
"""
