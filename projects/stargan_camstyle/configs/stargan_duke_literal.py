"""StarGAN on DukeMTMC-reID with the learning rate of the code that made HHL's published copies.

That code (zhunzhong07/HHL, stargan4reid) takes 1/110,000 of the rate off in each 1,000 iterations
of the second half, where 1/110 was meant: 0.999 of the rate are left at the end.

Needs:   data/dukemtmc. Copies as HHL's are written with write_copies.py --quality 75.
Result:  not yet measured.   Cost: not yet measured.
"""
_base_ = ['stargan_duke.py']

# 110 equal factors whose product is 0.999: within 2e-7 of the 110 equal differences
stay = dict(milestones=list(range(111000, 220001, 1000)), gamma=0.999 ** (1 / 110))
train_cfg = dict(stages=[dict(name='cameras', iters=220000, lr=dict(G=stay, D=stay))])
