"""How far a waveform is from another to the ear: log-mel and STFT distances at three resolutions."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.engines.kokoro.decoder import SAMPLE_RATE

_RESOLUTIONS = ((512, 40), (1024, 80), (2048, 120))
MEL_WEIGHT = 5.0


class SpectralLoss(nn.Module):
    """5 · log-mel L1 + log-STFT L1 + spectral convergence (arXiv:1910.11480), only below `bandwidth` Hz.

    Above it the recordings hold nothing: learning that silence would dull the voice.
    """

    def __init__(self, bandwidth: float) -> None:
        super().__init__()
        import torchaudio

        for n_fft, n_mels in _RESOLUTIONS:
            bins = int(bandwidth / SAMPLE_RATE * n_fft) + 1
            bank = torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, 0.0, bandwidth, n_mels, SAMPLE_RATE)
            self.register_buffer(f"bank_{n_fft}", bank[:bins].T.contiguous())
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft))

    def forward(self, waveform: Tensor, target: Tensor) -> Tensor:
        """Two waveforms `(batch, samples)` -> a scalar."""
        mel = stft = waveform.new_zeros(())
        for n_fft, _ in _RESOLUTIONS:
            ours, theirs = self._magnitude(waveform, n_fft), self._magnitude(target, n_fft)
            bank = self.get_buffer(f"bank_{n_fft}")
            mel = mel + F.l1_loss((bank @ ours + 1e-4).log(), (bank @ theirs + 1e-4).log())
            stft = stft + F.l1_loss((ours + 1e-3).log(), (theirs + 1e-3).log())
            stft = stft + (ours - theirs).norm() / theirs.norm().clamp(min=1e-3)
        return (MEL_WEIGHT * mel + stft) / len(_RESOLUTIONS)

    def _magnitude(self, waveform: Tensor, n_fft: int) -> Tensor:
        bins = self.get_buffer(f"bank_{n_fft}").shape[1]
        window = self.get_buffer(f"window_{n_fft}")
        spectrum = torch.stft(waveform, n_fft, n_fft // 4, window=window, return_complex=True)
        # A square root that has a gradient at zero, which abs() of a complex number has not.
        return torch.view_as_real(spectrum[:, :bins]).square().sum(dim=-1).add(1e-9).sqrt()
