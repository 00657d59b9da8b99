"""Working as a job of RELION, of the CCP-EM Pipeliner and of cryoSPARC."""
