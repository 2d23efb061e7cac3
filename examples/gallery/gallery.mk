# `make gallery`: every picture of the README and of examples/gallery, drawn by weights_tool from the models that ship.
# GALLERY=folder draws them elsewhere. Included by the Makefile.

GALLERY ?= examples/gallery
ECG_DATA ?= /usr/lib/python3/dist-packages/scipy/misc/ecg.dat
models := examples/models
tool = $(BUILD)/weights_tool
made := $(BUILD)/gallery

.PHONY: gallery
gallery: $(BUILD)/weights_tool      ## draws the pictures of the README from the shipped models, into GALLERY=examples/gallery
	@mkdir -p $(GALLERY) $(made)
	$(tool) sample $(models)/fashion-4step-int8.mote --n 64 --scale 2 --out $(GALLERY)/grid-4step.png --force --quiet
	$(tool) sample $(models)/emoji-int8.mote --n 110 --guidance 2 --out $(GALLERY)/emoji.png --force --quiet
	$(tool) sample $(models)/fashion.mote --n 1 --class 7 --seed 3 --steps 20 --out $(made)/shoe.png --force --quiet
	$(tool) noise --image $(made)/shoe.png --out $(made)/noise --force
	cp $(made)/noise/forward.png $(GALLERY)/noising.png
	for scale in 1 3 8; do $(tool) sample $(models)/fashion-int8.mote --n 20 --seed 4 --guidance $$scale --scale 2 \
	  --out $(GALLERY)/guidance-$$scale.png --force --quiet || exit 1; done
	$(tool) sample $(models)/fashion.mote --n 6 --seed 11 --first 3 --steps 50 --idx $(made)/garments.idx --force --quiet
	$(tool) edit $(models)/fashion-int8.mote --inpaint $(made)/garments.idx --mask examples/gallery/mask.png --n 6 --rounds 10 \
	  --scale 2 --out $(GALLERY)/inpainting.png --force --quiet
	$(tool) edit $(models)/fashion-int8.mote --denoise $(made)/garments.idx --sigma 0.5 --add-noise --n 6 --scale 2 \
	  --out $(GALLERY)/denoising.png --force --quiet
	$(tool) edit $(models)/fashion-int8.mote --measure $(made)/garments.idx --average 4 --n 6 --rounds 10 --scale 2 \
	  --out $(GALLERY)/super-resolution.png --force --quiet
	$(tool) interpolate $(models)/fashion.mote --from-seed 1 --to-seed 2 --class 1,3,7,8 --n 11 --scale 2 \
	  --out $(GALLERY)/interpolation.png --force
	$(tool) score $(models)/points/swiss-roll.mote --data points:swiss-roll --t 20,200 --steps 20 --n 5000 \
	  --out $(GALLERY)/score-field.png --samples $(GALLERY)/points.png --force
	@test -e $(ECG_DATA) || echo 'ecg.png needs the recording in the package python3-scipy, or ECG_DATA=FILE'
	test ! -e $(ECG_DATA) || $(tool) signal $(models)/ecg-int8.mote --data $(ECG_DATA) --out $(GALLERY)/ecg.png --force
