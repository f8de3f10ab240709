"""Groups of runs: what one plan and one yes started, gone on with, judged and told."""
