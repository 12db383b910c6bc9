"""One process of two that share a board: ``RANK=r WORLD_SIZE=2 … python board_sums.py STORE``."""

from __future__ import annotations

import sys

import torch
from torch.distributed import FileStore

from seqcli.threads import team_place
from seqcli.training.board import make_board

if __name__ == "__main__":
    rank, size = team_place()
    store = FileStore(sys.argv[1], size)
    assert make_board(store, "more than there is", 2**50) is None
    board = make_board(store, "board", room=6)
    assert board is not None
    for step in range(200):
        values = torch.arange(1 + step % 6, dtype=torch.float32) + step * (1 + 10 * rank)
        board.add(values)
        print(" ".join(f"{value:g}" for value in values.tolist()))
        given = board.gather(torch.arange((step + 3 * rank) % 7, dtype=torch.float32) + rank)
        print([part.tolist() for part in given])
    if rank == 1:
        board.give_up()
    else:
        try:
            board.add(torch.ones(2))
        except RuntimeError as error:
            print(error)
